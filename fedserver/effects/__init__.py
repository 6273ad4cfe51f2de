"""What acts do: one module per activity type, the only place where an act changes the world."""

from fedserver.effects.acts import Act, Undoable
from fedserver.effects.announce import Announce
from fedserver.effects.approving import Approve, Refuse, RevokeLeave
from fedserver.effects.block import Block
from fedserver.effects.block_domain import BlockDomain, PartFromDomain
from fedserver.effects.bringing import bring_status, find_by_url
from fedserver.effects.claims import TYPES as AUTHORIZATION_TYPES
from fedserver.effects.collecting import (
    AddToCollection,
    ChangeCollection,
    DropCollection,
    MakeCollection,
    RemoveFromCollection,
)
from fedserver.effects.compare import compare_followers
from fedserver.effects.consents import Consents, NewQuote
from fedserver.effects.conversing import accept_requests
from fedserver.effects.create import AlreadyPosted, Create
from fedserver.effects.deciding import give_leave, refuse_leave
from fedserver.effects.delete import DeleteActor, DeleteStatus
from fedserver.effects.feature_consent import RevokeFeature
from fedserver.effects.feature_tag import FeatureTag, UnfeatureTag
from fedserver.effects.featuring import read_featured
from fedserver.effects.flag import Flag
from fedserver.effects.follow import Accept, Follow, Reject, accept, reject
from fedserver.effects.like import Like
from fedserver.effects.move import Move
from fedserver.effects.new_status import Mentioned, NewPoll, NewStatus, RemoteMedia
from fedserver.effects.others_leave import settle_claim
from fedserver.effects.outcomes import Outcome, OutcomeName
from fedserver.effects.peer_collections import READ_COLLECTIONS_AFTER, read_collections
from fedserver.effects.peer_tags import read_featured_tags
from fedserver.effects.performing import perform, perform_in
from fedserver.effects.pin import Pin, Unpin
from fedserver.effects.poll_totals import end_polls, tell_totals
from fedserver.effects.private import Bookmark, Mute, MuteThread
from fedserver.effects.quote import QuoteRequest, RevokeQuote, settle_proof
from fedserver.effects.react import React, ReactedEmoji, is_emoji, react_of
from fedserver.effects.receiving import READERS, receive, receive_hearsay
from fedserver.effects.telling import SetInteractionPolicy, SetQuotePolicy
from fedserver.effects.threads import complete_thread
from fedserver.effects.undo import Undo, announce_of
from fedserver.effects.update import UpdateActor, UpdateStatus
from fedserver.effects.vote import Vote
from fedserver.effects.wanted_threads import ask_for_thread

__all__ = [
    "AUTHORIZATION_TYPES",
    "READERS",
    "READ_COLLECTIONS_AFTER",
    "Accept",
    "Act",
    "AddToCollection",
    "AlreadyPosted",
    "Announce",
    "Approve",
    "Block",
    "BlockDomain",
    "Bookmark",
    "ChangeCollection",
    "Consents",
    "Create",
    "DeleteActor",
    "DeleteStatus",
    "DropCollection",
    "FeatureTag",
    "Flag",
    "Follow",
    "Like",
    "MakeCollection",
    "Mentioned",
    "Move",
    "Mute",
    "MuteThread",
    "NewPoll",
    "NewQuote",
    "NewStatus",
    "Outcome",
    "OutcomeName",
    "PartFromDomain",
    "Pin",
    "QuoteRequest",
    "React",
    "ReactedEmoji",
    "Refuse",
    "Reject",
    "RemoteMedia",
    "RemoveFromCollection",
    "RevokeFeature",
    "RevokeLeave",
    "RevokeQuote",
    "SetInteractionPolicy",
    "SetQuotePolicy",
    "Undo",
    "Undoable",
    "UnfeatureTag",
    "Unpin",
    "UpdateActor",
    "UpdateStatus",
    "Vote",
    "accept",
    "accept_requests",
    "announce_of",
    "ask_for_thread",
    "bring_status",
    "compare_followers",
    "complete_thread",
    "end_polls",
    "find_by_url",
    "give_leave",
    "is_emoji",
    "perform",
    "perform_in",
    "react_of",
    "read_collections",
    "read_featured",
    "read_featured_tags",
    "receive",
    "receive_hearsay",
    "refuse_leave",
    "reject",
    "settle_claim",
    "settle_proof",
    "tell_totals",
]
