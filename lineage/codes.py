"""The registry of codes.  Messages, ``sightline explain`` and the docs are built from it.

PAI0xx input and machinery, 1xx understand, 2xx capture, 3xx enforce (``codes_enforce``), 4xx demonstrate.
"""

from __future__ import annotations

from lineage.code import Code
from lineage.codes_enforce import ENFORCE

__all__ = ["ANYWHERE", "CODES", "GAPS", "Code"]

CODES: dict[str, Code] = {
    "PAI001": Code(
        "not an asset name",
        "The text does not follow kind:name[#field][@version], or no asset of the run has that name.",
        "List the names with `sightline graph --format names` and copy one."),
    "PAI002": Code(
        "the photo cannot be used",
        "The file is missing, is not a JPEG, PNG or WebP picture, or is larger than 10 MB or 50 megapixels.",
        "Give a JPEG: `sightline demo --photo my.jpg --ask \"What is that building?\"`."),
    "PAI003": Code(
        "the question is empty",
        "The glasses ask nothing without an utterance of 1 to 2,000 characters.",
        "Give one: `--ask \"What is that building?\"`."),
    "PAI004": Code(
        "the request does not fit the contract",
        "A part is missing, has the wrong type, or is not UTF-8; see protos/web.proto.",
        "Correct the part that the message names."),
    "PAI005": Code(
        "not a trace id of this run",
        "The text is neither 32 hex digits nor a traceparent, or no signal of the run has it as its correlation key.",
        "Copy the trace id from the trace; `--run` names another run, and a request of a service without "
        "PrivacyLib has no signal."),
    "PAI010": Code(
        "the scenario file is malformed",
        "YAML that does not parse, an unknown key, a missing key, or a value of the wrong type.",
        "Correct the line that the message names; scenarios/01_ask_a_landmark.yaml shows the form."),
    "PAI011": Code(
        "an unknown step, fault or expectation",
        "The name is not in the registry.",
        "Take the suggestion of the message, or see `sightline list --expectations`."),
    "PAI012": Code(
        "no such scenario, job, manifest or requirement",
        "The path or name leads to no file.",
        "`sightline list` shows the scenarios; the others lie under services/ and scenarios/requirements/."),
    "PAI013": Code(
        "an optional package is not installed",
        "The command needs an extra of this distribution: `bench` (OpenTelemetry and other peers) or `load` (Locust).",
        "Install the extra that the message names."),
    "PAI014": Code(
        "no such paradigm",
        "`sightline bench paradigms` compares the guards that it knows by name.",
        "Take a name of the message, or leave `--only` out to compare all of them."),
    "PAI020": Code(
        "the manifest is malformed or names what does not exist",
        "A key is missing or unknown, or an input is not a table or column of the warehouse.",
        "Correct the input; the tables are in services/warehouse/tables/."),
    "PAI021": Code(
        "the SQL cannot be parsed or resolved",
        "The statement is not SQL of the warehouse's dialect, or names a column that no table has.",
        "Correct the statement at the place that the message underlines. It was not run."),
    "PAI022": Code(
        "a config file is malformed",
        "A logger category, table, job header or requirement lacks a key or has a wrong one.",
        "Correct the line that the message names."),
    "PAI023": Code(
        "the schema of `sightline sql` is malformed",
        "The file is not JSON, or not an object of tables with an object of columns each.",
        "Write it like {\"orders\": {\"id\": \"INTEGER\", \"total\": \"REAL\"}}; databases may stand around tables."),
    "PAI024": Code(
        "the decisions or the costs of a plan are malformed",
        "The file has a key that plans do not know, or a value that is no list of assets or no whole number.",
        "Correct the line that the message names; the keys are include, exclude and block, or annotate, block, "
        "reclassify and at."),
    "PAI026": Code(
        "a schema change is not compatible",
        "A new version of a logger category changes a type or a column, renames or removes a required field, requires "
        "what old events lack, or takes an annotation away: events that were logged before could no longer be read.",
        "Keep the field as it was, and add another, optional one or one with a default."),
    "PAI027": Code(
        "the condition of an input cannot be read",
        "`where:` of a manifest is not comparisons joined by `and`, names a column that is not there, or compares a "
        "text with a number.",
        "Write it like: region = 'NO' and ds >= '2026-01-05'. There are = != < <= > >=, in ('a', 'b'), is null and "
        "is not null.",
        "scenarios/81_fine_tune_of_a_tainted_base.yaml"),
    "PAI028": Code(
        "a manifest goes round in a circle",
        "A run names what it would make itself as an input: a version of its own output that no run has made yet, or a "
        "table that is replaced by one that is replaced by it.",
        "Name a version that is there, or leave the version out: then it is the newest one.",
        "scenarios/81_fine_tune_of_a_tainted_base.yaml"),
    "PAI029": Code(
        "a run cannot go on from that checkpoint",
        "The checkpoint is not there, is a model of another kind, was made with parameters that the run contradicts, "
        "or another one answered in its place.",
        "`sightline graph --format names` shows the checkpoints of a run; train the one that is missing first.",
        "scenarios/81_fine_tune_of_a_tainted_base.yaml"),
    "PAI030": Code(
        "the address cannot be used",
        "Another process listens there, or the host is not of this machine.",
        "Leave the port out (a free one is taken), or choose another."),
    "PAI031": Code(
        "a service died during the run",
        "The process ended, or stopped answering within its deadline, while a step needed it.",
        "Read its log in the run folder; run again with `--topology inproc` to see a traceback there."),
    "PAI032": Code(
        "no run to look at",
        "There is no finished run in the runs folder.",
        "`sightline demo`, or `sightline run scenarios/01_ask_a_landmark.yaml`."),
    "PAI033": Code(
        "a file could not be written",
        "The folder is not writable, or the disk is full.",
        "Choose another place with SIGHTLINE_RUNS or `--output`."),
    "PAI034": Code(
        "the warehouse's engine cannot be started",
        "Spark was chosen, and pyspark or Java is missing, or Spark does not come up with the master that was given.",
        "`pip install 'sightline[spark]'` and `apt-get install openjdk-17-jre-headless`, or run with "
        "`--engine sqlite`."),
    "PAI035": Code(
        "the model's endpoint failed",
        "A model that somebody else runs cannot be reached, refuses, is not done by its deadline, or sends what is no "
        "chat completion.",
        "Look whether it answers (`curl URL/models`); its URL and deadline are in the endpoint's file."),
    "PAI036": Code(
        "a roll-out that cannot be",
        "The share is not above 0 and at most 1, the checkpoint is served already or is of another kind, or there is "
        "nothing served beside which it could be rolled out, or to which one could go back.",
        "Train a checkpoint that is not put into service (`serve: false`), and roll that out.",
        "scenarios/87_rolled_out.yaml"),
    "PAI037": Code(
        "more than a model takes",
        "A text has more characters than inference gives a model, or one call has more texts: others wait meanwhile.",
        "Send less, or in several calls.",
        "scenarios/86_several_models.yaml"),
    "PAI040": Code(
        "the queue is full",
        "The logger takes events faster than the warehouse, or the warehouse is away; nothing acknowledged is lost.",
        "Send the events again later; look whether the warehouse answers."),
    "PAI041": Code(
        "events were not taken",
        "Events do not fit their category's config: an unknown field, category or version, a wrong type, a missing, "
        "overlong or undecodable value. They wait as dead letters; the others of their batch went on.",
        "Correct the producer or the config, then have them replayed (Logger.Replay, or the step `replay`).",
        "scenarios/23_logger_dead_letters.yaml"),
    "PAI042": Code(
        "a write was cut off",
        "The logger was killed while it wrote; what was cut off had not been acknowledged, so nothing is lost.",
        "Nothing has to be done; a producer that got no acknowledgement sends again."),
    "PAI101": Code(
        "the payload holds more than the contract's annotation covers",
        "A detector found a category of data that the field's label does not name.",
        "Add the category to the field's label in its contract, or strip it before it enters.",
        "scenarios/01_ask_a_landmark.yaml"),
    "PAI201": Code(
        "context lost",
        "A request arrived without its traceparent: its reads cannot be joined to the writes before it.",
        "Pass the context where the hop is made; PrivacyLib's channel does it by itself.",
        "scenarios/08_context_stripped.yaml"),
    "PAI202": Code(
        "a silent integration point",
        "One side of a call reported, the other did not: a probe is missing there.",
        "Register the handler through PrivacyLib; `involved` answers unknown until it reports."),
    "PAI203": Code(
        "signals are missing",
        "The collector holds a hole in an emitter's numbers: signals recorded but never delivered.",
        "Look at the emitter's log for the time of the hole; what passed then is unknown."),
    "PAI204": Code(
        "a statement's columns could not be resolved",
        "The SQL that ran names what the schema does not have (a row id), or is beyond the analyser.",
        "Name columns of the schema; until then every column that the statement read counts as a source."),
    "PAI205": Code(
        "an extension failed",
        "An extension of PrivacyLib raised. The request went on, and what the extension should have seen is unknown.",
        "The finding names the extension and the error's type; correct it, and run again."),
    "PAI206": Code(
        "an output that is not whole",
        "Several workers were to write the parts of one output, and of at least one part no write was seen: the worker "
        "died, or its signals were lost.",
        "Look at the worker's log and write the output again; until then nobody can say that its lineage is all there.",
        "scenarios/18_partitioned_export.py"),
    "PAI207": Code(
        "signals were refused",
        "Somebody sent the collector a batch that it could not take whole: malformed, forged, or of another version.",
        "The finding names the emitter that the batch claimed, and the reason; what was lost of it is a PAI203."),
    "PAI208": Code(
        "two signals contradict each other",
        "Two emitters gave one field different labels, an asset two owners, or a decision two verdicts: one of them is "
        "out of date, or is not what it says it is. The stricter one holds.",
        "Compare the contracts of the services that the finding's asset belongs to; redeploy the older one."),
    "PAI209": Code(
        "a stream's window was not worked out",
        "Rows came for the window, and the stream's SQL failed on it; what it makes is not what its rows say.",
        "Mend the job that the finding names; the next rows for the window make it anew.",
    ),
    "PAI210": Code(
        "a log field without an annotation",
        "A version of a logger category has a field that nobody labelled. In enforcement mode its values are dropped "
        "before the queue, and the rest of the event flows; in logging mode they flow.",
        "Its owner labels it in the file that the message names: category and annotations, or operational.",
        "scenarios/21_logger_schema.yaml"),
    "PAI211": Code(
        "acknowledged events cannot be read back",
        "A place in the logger's queue is damaged: the disk, or another program, has changed it.",
        "Restore the events from their producer; the numbers in the message say which they are."),
    "PAI215": Code(
        "I/O outside every operation",
        "A service touched a file, a database, a socket or a process, and no operation of PrivacyLib that could "
        "explain it was open there: what moved is unknown.",
        "Put `with lib.read(…)`, `lib.write(…)` or `lib.call(…)` around the line that the finding names.",
        "scenarios/16_unmediated_io.yaml"),
    "PAI216": Code(
        "a model from elsewhere",
        "A model that somebody else trained and runs answers: no manifest says what its weights were learnt from.",
        "Ask its owner for the data that it was trained on; until then its answers may hold anything."),
    "PAI217": Code(
        "a response was withheld",
        "The safety classifier that is served takes what a model answered for unsafe; the wearer was told a neutral "
        "sentence in its place.",
        "Read what it was trained on; a text that it should let pass belongs into its corpus, marked safe.",
        "scenarios/88_withheld.yaml"),
    **ENFORCE,
    "PAI402": Code(
        "an undeclared job",
        "An activity moved data, and no config, job file or manifest declares it.",
        "Declare it (a header in services/warehouse/jobs/, or a manifest), or remove it.",
        "scenarios/09_undeclared_job.yaml"),
    "PAI403": Code(
        "declared, and not observed",
        "A config says that data flows there, the data or the job was there, and no signal shows the flow: a probe is "
        "missing, or the config no longer says what is done.",
        "Look whether the read and the write are made through PrivacyLib; otherwise correct the config."),
    "PAI404": Code(
        "observed, and not declared",
        "Data took a way through the logger that its config does not declare: the config that runs is not the one "
        "that was reviewed.",
        "Deploy what was reviewed, or have the change reviewed and declared.",
        "scenarios/22_logger_drift.yaml"),
    "PAI405": Code(
        "a job did what its file does not say",
        "By the engine's own account a declared job read a column, or moved it to a column, that its SQL does not "
        "declare: the SQL that runs is another, or `*` means more than when it was reviewed. Or a training run used a "
        "column, a file or a checkpoint that its manifest does not name.",
        "Deploy what was reviewed, or have the change reviewed and declared; write the columns out instead of `*`.",
        "scenarios/36_changed_sql.yaml"),
    "PAI410": Code(
        "her rows had a part in it",
        "The model was trained again without the wearer's rows, or with them altered, and its weights are others: a "
        "certificate of non-use cannot be given.",
        "Train a checkpoint in which her rows are withheld (she takes back consent, or they are erased), and have that "
        "one certified.",
        "scenarios/94_certificate_of_non_use.yaml"),
    "PAI411": Code(
        "whether her rows had a part cannot be told",
        "The run cannot be done again: the tables, its manifest, its base or the code are not what they were, whose "
        "rows a table has is not said, or the manifest keeps no token. Or nothing would have shown: what was read of "
        "her cannot be altered, or nobody's rows change the weights. Nothing is certified.",
        "Certify right after the run, by the code that trained it; a table needs a `subject:`.",
        "scenarios/91_changed_manifest.yaml"),
    "PAI412": Code(
        "not a certificate",
        "The file is cut off, too large, or is something else than a certificate of non-use; or the key file is none.",
        "Have it sent again; `sightline certify WEARER CHECKPOINT -o FILE` makes one.",
        "scenarios/94_certificate_of_non_use.yaml"),
    "PAI413": Code(
        "the certificate does not hold",
        "A link of the certificate was changed, or is not of the one before it. The message names the first such link.",
        "Trust nothing of it; ask whoever issued it for the original, and for the public keys (`--keys`).",
        "scenarios/94_certificate_of_non_use.yaml"),
    "PAI414": Code(
        "a checkpoint knows what lineage says it never learnt",
        "Planted canaries of a source stand out from others that were never planted when the checkpoint is asked, and "
        "there is no path from the source to it: something moved past every capture.",
        "Look at what the training run really read (its files and corpora, PAI215 for I/O outside PrivacyLib), "
        "withdraw the checkpoint, and train again from what is declared.",
        "scenarios/89_hidden_flow.yaml"),
    "PAI415": Code(
        "a checkpoint knows rows that did not reach it by lineage",
        "Lineage has a path from the source to the checkpoint, for other rows: none of the traces of those whose "
        "canaries stand out is among what it was trained on, as after a consent that was withdrawn.",
        "Look for a second way, such as an older copy of the table or a checkpoint that it was trained from; withdraw "
        "the checkpoint, and train again without the rows.",
        "scenarios/90_withdrawn_rows_come_back.yaml"),
    "PAI416": Code(
        "nobody's rows",
        "The lineage knows no row of that person: nothing of hers was logged, or it was written by what says not whose "
        "its rows are. What holds her data is unknown, which is not the same as nothing.",
        "Look whether the name is right, and whether the tables that hold her data have a `subject:`.",
        "scenarios/92_withdrawn_and_gone.yaml"),
}

# Findings after which something may have moved unseen.
GAPS = ("PAI201", "PAI202", "PAI203", "PAI205", "PAI206", "PAI211", "PAI215", "PAI403")
# Of those, the ones after which whatever the emitter handles may have moved anywhere.
ANYWHERE = ("PAI203", "PAI215")
