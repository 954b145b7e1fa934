"""What a field may keep: the plain words of APIs, and what is known of a field by its key.

A word that is some person's name as well, as Max is, tells of nobody: it stays as any word of an API does.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

_PLAIN = """
a access account accounts active activestreams after agent agents aggregate all allowed an and annotations
answer answered any api app application array as at attempt attempts audio auth authentication
authorization available average balance base64 batch between body boolean bridge bridged bridges bucket
budget burst busy by bytes call callback called callee caller calls campaign campaigns canceled cancelled
carrier cdata channel channels charset circle city client close closed code codec codes completed
conference config connect connected connection contact content context control conversation count country
created currency current custom customer cutoff data date day days debug decode default deleted denied
description destination detail details device dial dialed dialled digits direction disabled disconnect
disconnected display division doctype domain done down dtmf dual duration email empty enabled encoding end
ended endpoint entity error errored errors event events exceeded exception exists exotel expected expired
expires extension external fail failed failure false field fields file filter filters finished first flag
flow forbidden forward found from gateway get group groups hangup has hash head header headers held hold
host hour hours href html http https id ids iframe in inbound inf incoming index infinity info input insights
instance integer internal interval invalid invoice is iso item items jitter json key keys kind label lang
language last latency leg legs length level limit limited limits line lines link links list local locale
location log machine max maximum media member members message messages meta metadata method metrics min
minimum minute minutes missing mobile mode ms msg mute muted name names nan network networks new next no
node none not note notes null number numbers object of off offline offset ok on only open operation
operator option options order origin other out outbound outcome output over owner packet packets page
pages paging param parameter parameters parent parties party path paused payload pending per percent
permission phone ping plain plan policy pool port position post prefix previous primary priority private
problem process product profile progress project protocol provider proxy pstn public put quality query
queue queued queues quota rate reached reason reasons receive received record recorded recording
recordings redirect ref reference refused region rejected related relay remaining remote removed reply
report request requested requests required reset resource resources response rest restexception result
results retry ring ringing role room route routing rows rtp rtt rule rules sample score search second
secondary seconds seq sequence server service session sessions set settings shift short sid sids single
sip size skill skills slot slots sms sort source standalone start started starttime state states stats
status step stop stopped stream streaming streams string strings sub subject success successful sum
supervisor support suspended system tag tags talk task team teams temporary tenant terminal terminated
test text throttle throttled time timed timeout times timestamp timezone title to token too total totals
trace transcript transfer transferred true trunk ttl twilio twilioresponse type types unanswered
unauthorised unauthorized unavailable undefined unhold unknown unmuted unset unsuccessful up update
updated uri url urn usage used user users utc utf utf8 uuid v valid value values version via video virtual
voice voicemail voip wait waiting was webhook whisper window work wrap wrapup write xml xmlns year yes
zone
"""

_KEEPING = """
active_streams call_state call_status call_type channels code direction duration enabled event_type hold
http_code leg_status limit max_allowed_streams method muted network_type offset recording_enabled
retry_after state status success total_active type
"""
_MEASURING = """
code count counts duration enabled hours interval latency length level limit limits max maximum min
minimum minutes ms muted offset page percent quota rate remaining retry seconds size state status sum
total totals ttl version
"""
_TIMING = """
at created date end ended expires last reset since start started time timestamp until updated
"""
_REACHING = """
callee caller contact destination did from mobile number numbers origin phone source to uri
"""

API_WORD = "call_sid"
"""It stays wherever it stands: rows that nobody can parse are counted by it."""
WORDS = frozenset(_PLAIN.split())
_KEPT = frozenset(_KEEPING.split())
_MEASURES = frozenset(_MEASURING.split())
_MOMENTS = frozenset(_TIMING.split())
_TELEPHONE = frozenset(_REACHING.split())
_PART = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\\W\\d_]+|[0-9]+")


class Kind(StrEnum):
    """What was replaced, in the words of a summary."""

    TELEPHONE_NUMBERS = "telephone numbers"
    NAMES = "names"
    CALL_SIDS = "call_sids"
    LEG_SIDS = "leg and bridge sids"
    AGENT_IDS = "agent ids"
    ACCOUNT_SIDS = "account sids"
    REQUEST_IDS = "request ids"
    TEXTS = "other texts"
    NUMBERS = "numbers"
    TIMES = "times"
    FIELDS = "names of unknown fields"
    BODIES = "bodies that are neither JSON nor XML"


_KINDS = {
    **{"call_sid": Kind.CALL_SIDS, "account_sid": Kind.ACCOUNT_SIDS, "request_id": Kind.REQUEST_IDS},
    **{"leg_sid": Kind.LEG_SIDS, "bridge_sid": Kind.LEG_SIDS},
    **{"user_id": Kind.AGENT_IDS, "agent_id": Kind.AGENT_IDS},
}


class Field(NamedTuple):
    """What is known of a value by its key."""

    keeps: bool = False
    """Whether words of APIs and numbers of fewer than six digits stay as they are."""
    is_moment: bool = False
    """Whether a number is one of seconds, or parts of them, since 1970."""
    kind: Kind = Kind.TEXTS


def parts(text: str) -> list[str]:
    """Return the words and numbers that a text is made of: `ActiveStreamCount2` is of four."""
    return _PART.findall(text)


def field_of(key: str) -> Field:
    """Return what is known of a field, written in any of the API's ways: call_sid, CallSid."""
    words = [part.lower() for part in parts(key)]
    name, last = "_".join(words), words[-1] if words else ""
    if not WORDS.issuperset(words):
        return Field(kind=Kind.NAMES if last == "name" else Kind.TEXTS)
    kind = _KINDS.get(name)
    if kind is None and last in _TELEPHONE:
        kind = Kind.TELEPHONE_NUMBERS
    if kind is None and last in {"name", "names"}:
        kind = Kind.NAMES
    keeps = kind is None and (name in _KEPT or last in _MEASURES)
    return Field(keeps, last in _MOMENTS, kind or Kind.TEXTS)
