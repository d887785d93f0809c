"""The words a chat understands: intents, their patterns in order, and the vocabulary that typing errors are held to."""

import re
from enum import StrEnum

from aurora.domain import Action


class Intent(StrEnum):
    """What a person wants to know."""

    WHY = "why"
    WHY_NOT = "why_not"
    DID = "did"
    """Whether and when something was done."""
    RECENT = "recent"
    STATUS = "status"
    WAITING = "waiting"
    OUTCOME = "outcome"
    RECALLED = "recalled"
    CONFIDENCE = "confidence"
    WHO = "who"
    FLIP = "flip"
    """What would have changed the decision."""
    COUNT = "count"
    ALTERNATIVES = "alternatives"
    ADVICE = "advice"
    """Whether something should be done; a dry run answers that."""
    ACT = "act"
    """A request to do something, which a chat never does."""
    HELP = "help"
    MODE = "mode"
    JOB = "job"
    COST = "cost"
    TAKEN_BACK = "taken_back"
    """Which decisions were undone."""
    FAILED = "failed"
    """Which actions could not be done, or did not help."""
    MODELS = "models"
    """How many models there are."""
    EXTREME = "extreme"
    """The lowest or the highest confidence."""
    FUTURE = "future"
    """What is yet to come, which no record holds."""
    NO_SUCH_ACTION = "no_such_action"
    """Why AURORA did what it has no action for."""
    UNHELD = "unheld"
    """A question with words that nothing on record is about."""
    UNKNOWN = "unknown"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ID = re.compile(r"\b(?:dec|apr)_[0-9a-z]{2,}\b")
QUOTED = re.compile(r"[\"'`“”«»]([^\"'`“”«»]{1,200})[\"'`“”«»]")

SPELT_OUT = (
    (r"\b(did|do|does|was|were|is|are|has|have|had|would|could|should)n'?t\b", r"\1 not"),
    (r"\bwon'?t\b", "will not"),
    (r"\bcan'?t\b|\bcannot\b", "can not"),
    (r"\b(what|who|how|why|when|where|it|that|there)'s\b", r"\1 is"),
    (r"\b(who|what|how|why)'d\b", r"\1 did"),
    (r"\b(you|they|we)'ve\b", r"\1 have"),
    (r"\b(you|they|we)'re\b", r"\1 are"),
    (r"^y\b(?! axis)", "why"),
    (r"\bu\b", "you"),
    (r"\bhow come\b|\bfor what reason\b|\bwhat made you\b", "why"),
    (r"\bre-train", "retrain"),
    (r"\b(?:train(?:ed|ing)?|fit(?:ted)?) (?:(?:it|the model|§) )?(?:again|anew|afresh|from scratch)\b", "retrain"),
    (r"\bfine[- ]tun(?:ed|es|e|ing)\b|\bincremental(?:ly)? train(?:ed|ing)?\b", "finetune"),
    (r"\b(?:no[- _]action|left? (?:it |§ )?alone|d(?:id|o) nothing|nothing (?:was )?done)\b", "noaction nothing"),
    (r"\broll(?:ed|ing|s)?[- ]?back\b", "rollback"),
    (r"\b(?:took|take|taken|taking) (?:it |that |this )?back\b|\brevert(?:ed|ing|s)?\b|\bundid\b|\bundone\b", "undo"),
    (r"\b(?:add(?:ed)?|more|give back|gave back|remov(?:e|ed)) replicas?\b", "scale"),
    (r"\b(?:mov(?:e|ed)|shift(?:ed)?) (?:the )?traffic\b", "route"),
    (r"\bpage[ds]? (?:us|me|someone|people|anyone|anybody)\b|\b(?:told|notified|warned) (?:us|me|people)\b", "alert"),
)

_ACTION_WORDS = {
    Action.RETRAIN: ("retrain", "retrained", "retrains", "retraining", "retrainings", "trained", "training"),
    Action.FINE_TUNE: ("finetune", "finetuned", "finetunes", "finetuning", "tuned"),
    Action.CACHE: ("cache", "cached", "caches", "caching"),
    Action.ROUTE: ("route", "routed", "routes", "routing", "reroute", "rerouted", "rerouting", "rollback", "rollbacks"),
    Action.SCALE: ("scale", "scaled", "scales", "scaling", "upscale", "upscaled", "autoscale", "downscaled"),
    Action.ALERT: ("alert", "alerted", "alerts", "alerting"),
    Action.NO_ACTION: ("noaction",),
}
ACTION_OF = {word: action for action, words in _ACTION_WORDS.items() for word in words}

ACT_VERBS = _words(
    """
    retrain finetune cache route reroute scale alert rollback undo approve reject deny accept confirm settle
    cancel stop start run execute restart pause resume enable disable delete set switch change analyze analyse
    proceed train deploy
    """
)
_LEADS = r"(?:please|pls|now|just|ok|okay|yes|yeah|yep|sure|fine|good|then|and|so|hey|aurora|no)"
_ASKED = (
    r"(?:(?:can|could|would|will) you (?:please |now |just )?|i (?:want|need) you to |you (?:should|must) |let us "
    r"|go (?:ahead and |on and )?)"
)
IMPERATIVE = re.compile(
    rf"^(?:{_LEADS}\s+)*(?P<asked>{_ASKED})?(?:{_LEADS}\s+)*(?P<verb>[a-z]+)\b(?! (?:is|are|was|were)\b)"
)
CONSENT = re.compile(
    rf"^(?:{_LEADS}\s+)*"
    r"(?:(?:yes|yeah|yep|ok|okay|sure|approved|agreed|lgtm|confirmed|rejected|denied)|go ahead|do (?:it|that|so)"
    r"|go for it|you may|i (?:hereby )?(?:approve|agree|confirm|reject|consent|accept)\b.*)"
    r"(?:\s+(?:it|that|this|please|now|thanks|§|#))*$"
)

PATTERNS: tuple[tuple[Intent, re.Pattern[str]], ...] = tuple(
    (intent, re.compile(pattern))
    for intent, pattern in (
        (
            Intent.HELP,
            r"^(?:help|hi|hello|hey|thanks|thank you|what can (?:you|i)\b.*|how do (?:you|i) (?:use|work)\b.*)$",
        ),
        (Intent.HELP, r"^(?:help me|who are you|what are you|commands|usage)\b"),
        (Intent.ADVICE, r"\bshould (?:you|we|i|it|§)\b(?! have)|\bdo(?:es)? (?:we|i|it|§) need (?:to|a)\b"),
        (
            Intent.FUTURE,
            r"\bnext (?:minute|hour|day|week|month|quarter|year)\b|\btomorrow\b|\bforecast|\bpredict|\bin the future\b"
            r"|^(?:what |when )?will (?:you|it be|§ be)\b|\bwill (?:the )?(?:accuracy|latency)\b",
        ),
        (
            Intent.WAITING,
            r"\bhow many\b.*\b(?:pending|waits?|waiting|open)\b|\bhow many approvals(?: (?:are|do) there| do i have)?$",
        ),
        (Intent.MODELS, r"\b(?:how many|number of|count(?: the)?) (?:different )?models\b"),
        (Intent.EXTREME, r"\b(?:lowest|highest|least|most|minimum|maximum)\b.*\bconfiden"),
        (
            Intent.FAILED,
            r"^(?:which|what|any|list|show|did any|how many)\b.*\bfail(?:ed|ures?)?\b"
            r"|^(?:did|has|have) anything.* fail(?:ed)?\b",
        ),
        (Intent.COUNT, r"\bhow (?:many|often)\b|\bnumber of\b|\bcount\b"),
        (Intent.MODE, r"\bmode\b|\bautonomous(?:ly)?\b|\bkill switch\b"),
        (Intent.JOB, r"\bjobs?\b"),
        (Intent.COST, r"\bcosts?\b|\bprices?\b|\bexpensive\b|\bcheap\b|\bspen[dt]\b"),
        (
            Intent.TAKEN_BACK,
            r"^(?!.*\bwhy\b).*(?:\bundo (?:anything|any|something|actions?|decisions?)\b"
            r"|\b(?:anything|what|which|decisions?|actions?)\b.*\bundo\b)",
        ),
        (
            Intent.WHO,
            r"\bwho(?:se)?\b(?:.*\b(?:approv|reject|sign|settl|answer|allow|authori|decid|confirm|accept|agreed|den(?:y|ied)"
            r"|ask|did|made|chang|retrain|finetun|cach|rout|scal|alert|undo|train)|$)|\bby whom\b"
            r"|\bwho (?:was|is) (?:it|that|this)\b",
        ),
        (
            Intent.FLIP,
            r"\bwhat (?:would|could|might)\b.*\b(?:chang|differ|otherwise|need|ma[kd]e|tak|instead|stop|prevent)"
            r"|\bchanged? (?:your mind|the (?:decision|answer|outcome))|\bcounterfactual|\bwhat if\b|\bunless\b",
        ),
        (
            Intent.RECALLED,
            r"\b(?:remember|recall|memor|similar|precedent|seen (?:this|that|it) before)|\b(?:past|earlier) cases?\b",
        ),
        (Intent.CONFIDENCE, r"\bconfiden|\bhow (?:sure|certain)|\b(?:sure|certain)(?:ty)?\b|\bprobabilit|\bhow likely"),
        (
            Intent.ALTERNATIVES,
            r"\balternative|\bwhat else\b|\brunner|\bother (?:options?|actions?|choices?)|\bconsider(?:ed)?\b",
        ),
        (
            Intent.WHY_NOT,
            r"\bwhy\b.*\b(?:not|no|never|nothing|instead of|rather than|noaction)\b|\breasons?\b.*\bnot\b",
        ),
        (
            Intent.WHY,
            r"\bwhy\b|\breasons?\b|\bexplain|\bjustif|\brationale|\bwhat (?:caused|triggered|for)\b|\bbecause\b",
        ),
        (
            Intent.WHO,
            r"\b(?:was|is|were|got|been) (?:it |that |this |§ )?(?:approved|rejected|signed)\b|\bsigned off\b",
        ),
        (
            Intent.WAITING,
            r"\bwaits?\b|\bwaiting\b|\bapprovals?\b|\bpending\b"
            r"|\bneeds? (?:me|my|approval|approving|a person|attention)|\bto (?:approve|sign|settle)\b"
            r"|\bopen questions?\b|\bblocked on\b",
        ),
        (
            Intent.OUTCOME,
            r"\bhelp(?:ed|s)?\b|\bworked\b|\b(?:did|does|has) (?:it|that|this|the [a-z]+|§) work\b"
            r"|\boutcomes?\b|\bresults?\b|\beffects?\b|\bimprov|\bbetter\b|\bworse\b|\bsucce|\bfail(?:ed)?\b|\bverif"
            r"|\bundo\b|\bcame of\b|\bpay off\b|\bworth\b|\bturn(?:ed)? out\b|\bhow did (?:it|that) go\b",
        ),
        (
            Intent.DID,
            r"^(?:and )?(?:did|have|has|had|was|were|when)\b.*"
            r"\b(?:retrain|finetun|tuned|train|cach|rout|rollback|scal|alert)"
            r"|\bwhen (?:did|was|were|have)\b|\blast time\b",
        ),
        (
            Intent.STATUS,
            r"\bhealth|\bstatus\b|\bhow (?:is|are|was|does|do)\b"
            r"|\b(?:ok|okay|fine|alright|wrong|broken|down|degraded|sick)\b"
            r"|\bproblems?\b|\bstate of\b|\bdoing\b(?! about)|\bis §|\bwhich models\b|\bwhat models\b|\blist models\b",
        ),
        (Intent.STATUS, r"\b(?:accuracy|latency|slow|drift(?:ing)?)\b(?!.*\b(?:today|yesterday|last)\b)"),
        (
            Intent.RECENT,
            r"\bhappen|\bdecisions?\b|\blatest\b|\brecent|\bhistory\b|\blog\b|\bdid you (?:do|decide)\b|\bnews?\b"
            r"|\bwhat (?:have|did) you\b|\bsummar|\bshow\b|\blist\b|\btell me about\b|\bwhat about\b"
            r"|\blast\b|\btoday\b|\byesterday\b",
        ),
    )
)

_FUNCTION_WORDS = _words(
    """
    a about after again all already am an and any anything are as at aurora be been before being but by can
    could day days did do does doing done for from get give going had has have he her here him his hour hours
    how i if in into is it its just know last let long look made make many may me mean might minute minutes
    model models month months more most much must my name named need needs never new next night no none nor
    not nothing now of off often ok okay old on once one only or other our out over own past people perhaps
    please put ran really right run running same say see service services she should show since so some
    someone something soon still such take tell than thank thanks that the their them then there these they
    thing things think this those time times to today together told too took tried try two under until up us
    use used very want was way we week weeks well went were what when where whether which while who whom whose
    why will with within without would yes yesterday yet you your previous version replica replicas traffic
    latency accuracy drift load sandbox everything morning evening afternoon ago earlier later first second
    third everyone anyone nobody everybody action actions question answer record
    """
)
MEANINGFUL = _words(
    """
    retrain retrained retrains retraining trained training finetune finetuned cache cached caching route
    routed rerouted reroute rollback scale scaled scaling alert alerted alerts approve approved approval
    approvals reject rejected undo decision decisions decide decided happen happened latest recent recently
    history status health healthy wrong waiting waits pending outcome result results help helped work worked
    improve improved better worse remember remembered recall recalled memory similar confident confidence
    certain sure probability reason explain alternative alternatives considered change changed instead
    otherwise count number succeed success failed effect verified verify summary noaction
    """
)
KNOWN_WORDS = _FUNCTION_WORDS | MEANINGFUL | ACT_VERBS | frozenset(ACTION_OF)
_TOPICS = _words(
    """
    cpu gpu usage error errors rate rates request requests metric metrics number numbers limit limits target
    floor baseline threshold thresholds cooldown guardrail guardrails policy critic planner plan planned plans
    proposal proposals proposed propose proposes recommend recommended suggest suggested choose chose chosen
    choice choices option options pick picked select selected prefer preferred act acted acting intervene react
    wait leave left alone full simple simply merely full instead rather unless because real simulated pretend dry
    mode autonomous autonomously kill person human operator cost costs price prices expensive cheap spent spend
    budget risk risky reverted job jobs id ids watch watching watched monitor monitoring monitored cause caused
    causes root triggered diagnosis evidence telemetry data case cases lesson lessons measured proof expire
    expired allow allowed deny denied block blocked refuse refused sign signed settled authorised authorized
    versions weights window currently current overall total system detail details tell told slow slower fast
    faster high higher highest low lower lowest minimum maximum bad good drop dropped drops dropping fall fell
    falling rise rose rising increase increased decrease decreased degrade degraded degrading broken broke down
    sick fine alright problem problems state doing different difference differently reasons explained explain
    justify justified justification rationale counterfactual precedent precedents seen likely sure turn turned
    pay work works working effect effects results outcomes improvement improvements fails failure failures fail
    attention open commands usage list log news summarise summarize summary counted approving rejecting
    undo anymore already forecast predict future year tomorrow drifted drifting mind further hello hi
    there stuff need needed require required shall ever even too both each every lot lots bit little whole
    same made making moved shifted between against according due based yourself myself itself ours yours
    him her went go goes gone came come comes coming seem seems look looks looked looking since per
    during overnight around else consider considers considering
    find found trigger live serving served serves cheaper worth deployed running
    """
)
"""Further words that a question about the record is made of; a model may still be named like one of them."""
VOCABULARY = KNOWN_WORDS | _TOPICS
NO_DEEDS = (ACT_VERBS - frozenset(ACTION_OF)) - _words(
    "approve reject deny accept undo change train switch set proceed"
)
"""What a person may ask to be done, and what AURORA has no action for."""
DEEDS = frozenset(ACTION_OF) | (_FUNCTION_WORDS | _TOPICS | MEANINGFUL | ACT_VERBS) - NO_DEEDS
"""What AURORA may have done, as far as a question says it."""
