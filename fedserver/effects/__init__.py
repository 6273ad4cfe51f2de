"""What acts do: one module per activity type, the only place where an act changes the world."""

from fedserver.effects.acts import Act, Undoable
from fedserver.effects.announce import Announce
from fedserver.effects.block import Block
from fedserver.effects.bringing import bring_status, find_by_url
from fedserver.effects.create import AlreadyPosted, Create
from fedserver.effects.delete import DeleteActor, DeleteStatus
from fedserver.effects.feature_tag import FeatureTag, UnfeatureTag
from fedserver.effects.follow import Accept, Follow, Reject, accept, reject
from fedserver.effects.like import Like
from fedserver.effects.new_status import Mentioned, NewPoll, NewStatus, RemoteMedia
from fedserver.effects.outcomes import Outcome, OutcomeName
from fedserver.effects.performing import perform, perform_in
from fedserver.effects.pin import Pin, Unpin
from fedserver.effects.private import Bookmark, Mute
from fedserver.effects.receiving import READERS, receive, receive_hearsay
from fedserver.effects.threads import complete_thread
from fedserver.effects.undo import Undo, announce_of
from fedserver.effects.update import UpdateActor, UpdateStatus
from fedserver.effects.vote import Vote
from fedserver.effects.wanted_threads import ask_for_thread

__all__ = [
    "READERS",
    "Accept",
    "Act",
    "AlreadyPosted",
    "Announce",
    "Block",
    "Bookmark",
    "Create",
    "DeleteActor",
    "DeleteStatus",
    "FeatureTag",
    "Follow",
    "Like",
    "Mentioned",
    "Mute",
    "NewPoll",
    "NewStatus",
    "Outcome",
    "OutcomeName",
    "Pin",
    "Reject",
    "RemoteMedia",
    "Undo",
    "Undoable",
    "UnfeatureTag",
    "Unpin",
    "UpdateActor",
    "UpdateStatus",
    "Vote",
    "accept",
    "announce_of",
    "ask_for_thread",
    "bring_status",
    "complete_thread",
    "find_by_url",
    "perform",
    "perform_in",
    "receive",
    "receive_hearsay",
    "reject",
]
