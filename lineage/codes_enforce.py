"""The codes of Enforce, PAI3xx; ``codes`` has all of them."""

from __future__ import annotations

from lineage.code import Code

ENFORCE: dict[str, Code] = {
    "PAI301": Code(
        "the purpose is not permitted",
        "An input is governed by a requirement that does not permit the activity's purpose.",
        "Use inputs without that annotation, ask the requirement's owner to permit the purpose, or have a "
        "reclassification reviewed.",
        "scenarios/05_training_refused.yaml"),
    "PAI302": Code(
        "the sink is less restrictive than its source",
        "Governed data is about to reach a field that does not carry the annotation.",
        "Annotate the sink with the same label, block the flow, or have a reclassification reviewed.",
        "scenarios/12_conversation_refused.yaml"),
    "PAI303": Code(
        "no valid token",
        "A read of governed data came without a token of the policy service, or with one for another activity or "
        "purpose.",
        "Have the activity admitted first; tokens are not shared between activities.",
        "scenarios/28_misused_token.yaml"),
    "PAI304": Code(
        "an unannotated input",
        "A check could not be made because a column has no label; in enforcement mode that refuses.",
        "Label the column beside its definition.",
        "scenarios/21_logger_schema.yaml"),
    "PAI305": Code(
        "the policy service cannot be asked",
        "It is away, or did not answer within its deadline; a check that cannot be made refuses.",
        "Start the policy service; nothing was read.",
        "scenarios/56_policy_away.yaml"),
    "PAI306": Code(
        "the statement cannot be judged",
        "The policy service cannot read the SQL or resolve a name in it, or cannot tell whose rows it would see; in "
        "enforcement mode that refuses.",
        "Write tables and columns out, each with the table it is of; the message underlines the place.",
        "scenarios/27_consent_withdrawn.yaml"),
    "PAI307": Code(
        "the guards do not come to rest",
        "Several extensions are guards, and one of them changes the operation each time that it is judged.",
        "Make what changes an operation an ordinary extension (`guards = False`): it runs before every guard."),
    "PAI308": Code(
        "the guard failed",
        "The guard raised instead of judging; in enforcement mode a check that cannot be made refuses.",
        "Look at the finding PAI205 for what it raised; in logging mode the request goes on."),
    "PAI309": Code(
        "the data may not be used there",
        "A requirement says in which regions data of an origin may be used, and the use takes place in another; global "
        "and regional rules are composed, and the stricter wins.",
        "Run it in a region that the message names (`region:` of a manifest, `-- region:` of a job), or ask the "
        "requirement's owner.",
        "scenarios/50_regional_rule.yaml"),
    "PAI310": Code(
        "where the data come from is not known",
        "A requirement goes by the data's origin, the use would be refused for some origins, and nothing says of which "
        "the rows are; a check that cannot be made refuses.",
        "Say in the table's first comment which column is a row's origin (`origin: region`), or run it where the data "
        "of every origin may be used.",
        "scenarios/50_regional_rule.yaml"),
    "PAI311": Code(
        "the claims are not genuine",
        "A request came with claims that the policy service has not signed as they are: forged, changed, or of another "
        "deployment. Where it touches governed data it is refused.",
        "Look who called; a workload gets its claims of the policy service by showing that it has its key.",
        "scenarios/54_forged_claims.yaml"),
    "PAI312": Code(
        "the claims do not hold at this time",
        "They have expired, or are of the future by this machine's clock, by more than the allowance of 2 seconds: a "
        "replay of old claims, or two clocks that differ.",
        "Set the clocks; a workload renews its claims by itself while the policy service answers.",
        "scenarios/55_replay_and_clocks.yaml"),
    "PAI313": Code(
        "the principal may not do that",
        "Whoever asks may not act for this purpose, or not have this activity run, by services/principals.yaml; that "
        "the activity itself is permitted to its owner does not matter.",
        "Have the owner run it, or have the change of services/principals.yaml reviewed.",
        "scenarios/53_confused_deputy.yaml"),
    "PAI314": Code(
        "no claims",
        "A request came without claims that the policy service has signed: they were stripped on the way, or the "
        "caller never had any. Where it touches governed data it is refused; elsewhere it goes on, and is counted.",
        "Pass the context where the hop is made; PrivacyLib's channel does it by itself.",
        "scenarios/53_confused_deputy.yaml"),
    "PAI315": Code(
        "a reclassification is void",
        "The requirement has a reviewed entry for this edge, and the transformation, or the schema or labels of its "
        "inputs have changed since, or its last day is over.",
        "Have it reviewed again; `sightline reclassify` prints the entry.", "scenarios/58_label_creep_cured.yaml"),
    "PAI316": Code(
        "a claim on a job's rows does not hold",
        "A reclassification claims that each row stands for at least K subjects, and a row, or its difference to an "
        "earlier release, stands for fewer, or cannot be told. The whole job was undone.",
        "Leave small groups out by HAVING; release windows that do not overlap.", "scenarios/59_differencing.yaml"),
    "PAI318": Code(
        "the requirement is not newer",
        "A requirement of this name is in force with the same version or a higher one, or in the mode that is asked "
        "for; decisions name versions, so no version means two things.",
        "Raise its version, and require it again.",
        "scenarios/60_flip_to_enforcement.yaml"),
    "PAI319": Code(
        "a node has not applied a requirement",
        "The requirement is in force and kept, and the node that the finding names did not say in time that it judges "
        "by it, or went away without leave: it may run on by what it had.",
        "See whether the node runs; it is told the whole set when it follows again, and until then tokens of the new "
        "versions are refused there."),
    "PAI320": Code(
        "a node judges by what it had",
        "It lost the policy service, or was told a requirement that it cannot read; what has changed since it does not "
        "know.",
        "See whether the policy service runs, and is of the node's version; tokens that were judged by other versions "
        "are refused meanwhile."),
    "PAI321": Code(
        "decisions on candidates contradict",
        "An asset is both included and excluded, or is excluded and carries a governed annotation itself.",
        "Decide one of them; an annotation is taken off where it stands, in the asset's contract.",
        "scenarios/64_candidates.yaml"),
    "PAI322": Code(
        "violations are open",
        "The requirement is to be enforced, and the run shows flows that would be denied, to which nobody has agreed.",
        "Remedy them as `sightline zones plan` proposes, list what may be denied under `block:` in the decisions "
        "file, or say their number with `--despite`.",
        "scenarios/63_plan_simulate_enforce.yaml"),
    "PAI323": Code(
        "nothing of the run is governed",
        "No asset of the run carries an annotation that the requirement governs, so nothing can be planned.",
        "Plan with a run in which such data was used, or give the annotation to the fields that hold it.",
        "scenarios/63_plan_simulate_enforce.yaml"),
    "PAI330": Code(
        "the signed statement is not genuine",
        "A checkpoint's executed manifest has no signature of the training service, was changed since it was signed, "
        "or is no such statement. The checkpoint is not served; what was served before still is.",
        "Train it again; find out who wrote into the checkpoint's folder.",
        "scenarios/74_tampered_checkpoint.yaml"),
    "PAI331": Code(
        "the manifest is of another checkpoint",
        "The executed manifest is genuine, and about other weights or another version than those beside it: one of the "
        "two was swapped, cut short or replaced. The checkpoint is not served.",
        "Train it again; find out who wrote into the checkpoint's folder.",
        "scenarios/75_swapped_manifest.yaml"),
    "PAI332": Code(
        "the table has changed since the run was admitted",
        "Admission binds the state of each table that was judged; the rows there are others by now, or were when "
        "they had been read, so none was given.",
        "Train again: the table is judged as it is then.",
        "scenarios/76_table_changes_before_the_read.yaml"),
    "PAI333": Code(
        "fewer rows may be seen than the run has read",
        "Since the run was admitted a requirement has arrived by which it would have been given fewer rows. The "
        "checkpoint does not register, or is not served.",
        "Train again: it reads what may be seen by then.",
        "scenarios/93_fewer_rows_by_now.yaml"),
    "PAI334": Code(
        "consent was withdrawn",
        "A wearer whose rows are in the run has taken back consent to its purpose since they were read. The checkpoint "
        "does not register, or is not served.",
        "Train again: her rows are withheld by then.",
        "scenarios/77_withdrawn_in_mid_training.yaml"),
    "PAI335": Code(
        "the checkpoint may not be used for that",
        "The data that the checkpoint was made of are governed by a requirement that does not permit the purpose of "
        "the request, or that asks for the wearers' consent to it, and the run was admitted for another purpose, or "
        "before anybody had to be asked.",
        "Ask for a purpose that is permitted, or serve a checkpoint of other data, or one trained for that purpose.",
        "scenarios/61_rule_arrives.yaml"),
    "PAI336": Code(
        "the manifest does not allow the remedy",
        "The run could go on with columns or rows left out, and its manifest names its remedies without that one, or "
        "nothing to learn from would be left; or its caller names another purpose, for which rows would be read that "
        "are withheld for the manifest's own.",
        "Add the remedy to `allow:`, if the model makes sense without what would be left out.",
        "scenarios/73_remedied.yaml"),
    "PAI337": Code(
        "what a checkpoint was made of cannot be followed",
        "An executed manifest names the checkpoints that its run went on from, asked or learnt from. One on the way "
        "back has no manifest in the store, so whether it may still be used cannot be asked; or the way leads in a "
        "circle. The checkpoint is not served, and no run goes on from it.",
        "Put the manifest back (its weights are not needed), or train again from a checkpoint that is there.",
        "scenarios/95_two_steps_back.yaml"),
}
