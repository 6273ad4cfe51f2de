"""Activities that ask a peer's author for consent; the interaction is their instrument."""

from activitypub.model import Activity, Object
from fedserver.effects.acts import Act
from storage.accounts import AccountRow


def request_activity(
    act: Act, about: str, author: AccountRow, interaction: Object | Activity, kind: str = ""
) -> Activity:
    """Give the request of `act`'s actor to `author`, about the object `about`; `kind` if it is
    not the type of the act."""
    return Activity(
        id=act.uri,
        type=kind or act.type,
        actor=act.actor.uri,
        object=about,
        instrument=interaction.id,
        enclosed=interaction,
        to=(author.uri,),
    )
