"""Titles of push messages in the receiver's language. No input and output.

A language that is not here, and a kind of notification that a language lacks, is told in English.
"""

from collections.abc import Mapping
from typing import Final

_ENGLISH: Final[Mapping[str, str]] = {
    "mention": "{} mentioned you",
    "status": "{} just posted",
    "reblog": "{} boosted your post",
    "follow": "{} followed you",
    "follow_request": "{} asked to follow you",
    "favourite": "{} favourited your post",
    "poll": "A poll by {} has ended",
    "update": "{} edited a post",
    "quote": "{} quoted your post",
    "quoted_update": "{} edited a post that you quoted",
    "severed_relationships": "You lost connections",
    "moderation_warning": "You have received a moderation warning",
    "added_to_collection": "{} added you to a collection",
    "collection_update": "{} changed a collection that you are in",
    "admin.sign_up": "{} signed up",
    "admin.report": "{} sent a report",
}
TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": _ENGLISH,
    "de": {
        "mention": "{} hat dich erwähnt",
        "status": "{} hat etwas gepostet",
        "reblog": "{} hat deinen Beitrag geteilt",
        "follow": "{} folgt dir",
        "follow_request": "{} möchte dir folgen",
        "favourite": "{} hat deinen Beitrag favorisiert",
        "poll": "Eine Umfrage von {} ist beendet",
        "update": "{} hat einen Beitrag bearbeitet",
        "quote": "{} hat deinen Beitrag zitiert",
        "quoted_update": "{} hat einen Beitrag bearbeitet, den du zitiert hast",
        "severed_relationships": "Du hast Verbindungen verloren",
        "moderation_warning": "Du wurdest von der Moderation verwarnt",
        "added_to_collection": "{} hat dich zu einer Sammlung hinzugefügt",
        "collection_update": "{} hat eine Sammlung geändert, in der du bist",
        "admin.sign_up": "{} hat sich registriert",
        "admin.report": "{} hat etwas gemeldet",
    },
    "fr": {
        "mention": "{} vous a mentionné",
        "status": "{} vient de publier",
        "reblog": "{} a partagé votre message",
        "follow": "{} vous suit",
        "follow_request": "{} demande à vous suivre",
        "favourite": "{} a ajouté votre message à ses favoris",
        "poll": "Un sondage de {} est terminé",
        "update": "{} a modifié un message",
        "quote": "{} a cité votre message",
        "quoted_update": "{} a modifié un message que vous avez cité",
        "severed_relationships": "Vous avez perdu des relations",
        "moderation_warning": "Vous avez reçu un avertissement de la modération",
        "added_to_collection": "{} vous a ajouté à une collection",
        "collection_update": "{} a modifié une collection dont vous faites partie",
        "admin.sign_up": "{} s’est inscrit",
        "admin.report": "{} a envoyé un signalement",
    },
    "es": {
        "mention": "{} te ha mencionado",
        "status": "{} acaba de publicar",
        "reblog": "{} ha impulsado tu publicación",
        "follow": "{} te sigue",
        "follow_request": "{} quiere seguirte",
        "favourite": "A {} le gusta tu publicación",
        "poll": "Una encuesta de {} ha terminado",
        "update": "{} ha editado una publicación",
        "quote": "{} ha citado tu publicación",
        "quoted_update": "{} ha editado una publicación que citaste",
        "severed_relationships": "Has perdido conexiones",
        "moderation_warning": "Has recibido una advertencia de moderación",
        "added_to_collection": "{} te ha añadido a una colección",
        "collection_update": "{} ha cambiado una colección en la que estás",
        "admin.sign_up": "{} se ha registrado",
        "admin.report": "{} ha enviado un informe",
    },
    "ja": {
        "mention": "{}さんがあなたに返信しました",
        "status": "{}さんが投稿しました",
        "reblog": "{}さんがあなたの投稿をブーストしました",
        "follow": "{}さんにフォローされました",
        "follow_request": "{}さんがフォローをリクエストしました",
        "favourite": "{}さんがあなたの投稿をお気に入りに登録しました",
        "poll": "{}さんのアンケートが終了しました",
        "update": "{}さんが投稿を編集しました",
        "quote": "{}さんがあなたの投稿を引用しました",
        "quoted_update": "あなたが引用した投稿を{}さんが編集しました",
        "severed_relationships": "つながりが失われました",
        "moderation_warning": "管理者から警告を受けました",
        "added_to_collection": "{}さんがあなたをコレクションに追加しました",
        "collection_update": "あなたが入っているコレクションを{}さんが変更しました",
        "admin.sign_up": "{}さんが登録しました",
        "admin.report": "{}さんが通報しました",
    },
}


def push_title(locale: str, kind: str, name: str) -> str:
    """Say in the language of `locale` (`de`, `fr-CA`, `es_MX`) what somebody called `name` did."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    title = TITLES.get(language, _ENGLISH).get(kind) or _ENGLISH.get(kind, "{}")
    return title.format(name)
