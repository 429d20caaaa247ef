"""Understand: our data categories and data uses, and what other vocabularies call them.

A key is dotted and short; a parent covers its children.  ``fides`` is the nearest key of the Fides
taxonomy that does not say more than ours (fideslang 3.1), or None where it has none: it lacks scenes,
bystanders, gaze and muscle signals.  ``dpv`` is the nearest enclosing term of the W3C Data Privacy
Vocabulary 2.0 (``pd:`` its personal-data extension).

>>> covers("user.contact", "user.contact.email"), covers("user.scene_image", "user.location.precise")
(True, False)

This module judges nothing: what may be done with a category is a requirement's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Term(NamedTuple):
    """One category or one use: its key, its meaning in a line, and its names elsewhere."""

    key: str
    meaning: str
    fides: str | None
    dpv: str


def _index(terms: Iterable[Term]) -> dict[str, Term]:
    return {term.key: term for term in terms}


CATEGORIES: dict[str, Term] = _index((
    Term("user", "Anything about a person who can be told apart.", "user", "dpv:PersonalData"),
    Term("user.scene_image", "What the camera of the glasses sees.", None, "pd:Picture"),
    Term("user.utterance", "What the wearer said, as text.", "user.content", "pd:Communication"),
    Term("user.answer", "What the assistant said to the wearer.", "user.content", "pd:Communication"),
    Term("user.voice", "Sound of a voice: it identifies the speaker.", "user.biometric.voice",
         "pd:VoiceCommunicationRecording"),
    Term("user.location", "Where a person is, or was.", "user.location", "pd:Location"),
    Term("user.location.precise", "A position that tells one building from the next.", "user.location.precise",
         "pd:GPSCoordinate"),
    Term("user.location.coarse", "A city, or a region.", "user.location.imprecise", "pd:Location"),
    Term("user.identifier", "A number or string that stands for one person.", "user.unique_id", "pd:Identifier"),
    Term("user.identifier.pseudonym", "An identifier that only a keyed table leads back from.",
         "user.unique_id.pseudonymous", "pd:UID"),
    Term("user.device", "Which device, of which make and version.", "user.device", "pd:DeviceBased"),
    Term("user.device.identifier", "A serial number: one device, and so one wearer.", "user.device.device_id",
         "pd:DeviceBased"),
    Term("user.name", "A person's name: the wearer's, or that of someone they mention.", "user.name", "pd:Name"),
    Term("user.language", "Which languages a person speaks.", "user.demographic.language", "pd:Language"),
    Term("user.contact", "How to reach a person.", "user.contact", "pd:Contact"),
    Term("user.contact.email", "An e-mail address.", "user.contact.email", "pd:EmailAddress"),
    Term("user.contact.phone", "A telephone number.", "user.contact.phone_number", "pd:TelephoneNumber"),
    Term("user.contact.address", "A postal address.", "user.contact.address", "pd:PhysicalAddress"),
    Term("user.bystander", "Someone near the wearer, who agreed to nothing.", None, "dpv:PersonalData"),
    Term("user.bystander.face", "A bystander's face.", None, "pd:FacialPrint"),
    Term("user.bystander.voice", "A bystander's voice.", None, "pd:VoiceCommunicationRecording"),
    Term("user.biometric", "A measure of the body that identifies.", "user.biometric", "pd:Biometric"),
    Term("user.gaze", "Where the eyes look, and for how long.", None, "pd:Behavioral"),
    Term("user.gesture", "A gesture, or the muscle signal (EMG) of one.", None, "pd:Behavioral"),
    Term("user.behavior", "What a person did with the product.", "user.behavior", "pd:Behavioral"),
    Term("user.behavior.interest", "What a person seems to care for, inferred.", "user.behavior", "pd:Interest"),
    Term("user.health", "Health, or what tells of it.", "user.health_and_medical", "pd:Health"),
    Term("user.consent", "What a person agreed to, and when.", "user.privacy_preferences", "pd:PrivacyPreference"),
))

USES: dict[str, Term] = _index((
    Term("assistance", "Answering what the wearer asked, and making the answers better.",
         "essential.service", "dpv:RequestedServiceProvision"),
    Term("safety", "Keeping people from harm and the service from misuse.",
         "essential.service.security", "dpv:MisusePreventionAndDetection"),
    Term("analytics", "Counting how the product is used.", "analytics", "dpv:ServiceUsageAnalytics"),
    Term("product_improvement", "Finding and mending what works badly.",
         "functional.service.improve", "dpv:ImproveExistingProductsAndServices"),
    Term("personalization", "Fitting the product to one person.", "personalize", "dpv:Personalisation"),
    Term("training", "Training a model, whatever it is for.", "train_ai_system", "dpv:ResearchAndDevelopment"),
    Term("ads_ranking", "Choosing which advertisement a person sees.",
         "marketing.advertising.first_party.targeted", "dpv:TargetedAdvertising"),
    Term("research", "Learning what is not yet a product.", None, "dpv:ResearchAndDevelopment"),
    Term("operations", "Running the machines.", "essential.service.operations", "dpv:TechnicalServiceProvision"),
    Term("legal", "Doing what a law demands.", "essential.legal_obligation", "dpv:LegalCompliance"),
))


def covers(label_category: str, found_category: str) -> bool:
    """Whether a label of ``label_category`` already says that ``found_category`` is there.

    A category covers itself and its children.  The root ``user`` covers only itself: a label that says
    no more than "about a person" says nothing about what is in the field.  An empty label covers nothing.
    """
    if not label_category or not found_category:
        return False
    if label_category == found_category:
        return True
    return label_category != "user" and found_category.startswith(f"{label_category}.")
