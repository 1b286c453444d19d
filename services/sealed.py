"""What sealed data looks like: a member with the ciphertext, keys, and what is read without them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from secrets import token_bytes
from typing import Annotated, Any, NamedTuple

from Crypto.Cipher import AES
from pydantic import TypeAdapter, ValidationError

from contracts import registry
from contracts.base import Data
from contracts.events import KeyKept
from eventlog.codec import Message

MEMBER = "sealed"
"""The member of an event's data that holds what is sealed: key id, nonce, tag and ciphertext in base64."""
_MARK = f'"{MEMBER}":'.encode()
_STAND_INS: tuple[Any, ...] = ("[sealed]", "+00", "sealed@sealed.invalid", ["[sealed]"], [], 0, False, {})
_ID, _NONCE, _TAG = 6, 12, 16


class Key(NamedTuple):
    """A key and what it is called; `text` is both, as it is recorded."""

    id: bytes
    secret: bytes

    @property
    def text(self) -> str:
        """Id and secret in base64."""
        return urlsafe_b64encode(self.id + self.secret).decode()


def key_of(text: str) -> Key:
    """The key that was recorded."""
    whole = urlsafe_b64decode(text)
    return Key(whole[:_ID], whole[_ID:])


class Keys:
    """The keys that were kept among some messages, for whoever reads a log."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._by_id: dict[bytes, Key] = {}
        for message in messages:
            if message.name == registry.name_of_type(KeyKept) and (
                text := json.loads(message.data).get("key")
            ):
                key = key_of(text)
                self._by_id[key.id] = key

    def open(self, message: Message) -> Message:
        """The message as it was before it was sealed, or as it is where none of the keys fits."""
        if not is_sealed(message.data):
            return message
        plain = json.loads(message.data)
        secret = _unsealed(self._by_id, plain.pop(MEMBER))
        if secret is None:
            return message
        return message._replace(data=json.dumps(plain | secret, ensure_ascii=False).encode())


def is_sealed(data: bytes) -> bool:
    """Whether something of an event's data is sealed."""
    return _MARK in data


def opened(name: str, data: bytes, keys: Mapping[bytes, Key]) -> bytes:
    """An event's data as it was before it was sealed; what no key opens is absent, or a stand-in where it must be.

    `keys` by id. Data in which nothing is sealed comes back as it is.
    """
    if not is_sealed(data):
        return data
    plain = json.loads(data)
    sealed = plain.pop(MEMBER, None)
    kind = registry.recorded_types().get(name)
    if not isinstance(sealed, str) or kind is None:
        return data
    secret = _unsealed(keys, sealed)
    return json.dumps(plain | (stand_ins(kind) if secret is None else secret), ensure_ascii=False).encode()


def new_key() -> Key:
    """A random key."""
    return Key(token_bytes(_ID), token_bytes(32))


def sealed(key: Key, secret: Mapping[str, Any]) -> str:
    """These values as only the key opens them."""
    cipher = AES.new(key.secret, AES.MODE_GCM, nonce=token_bytes(_NONCE), mac_len=_TAG)
    text, tag = cipher.encrypt_and_digest(json.dumps(secret, ensure_ascii=False).encode())
    return urlsafe_b64encode(key.id + cipher.nonce + tag + text).decode()


def _unsealed(keys: Mapping[bytes, Key], sealed: str) -> dict[str, Any] | None:
    whole = urlsafe_b64decode(sealed)
    key = keys.get(whole[:_ID])
    if key is None:
        return None
    nonce, tag = whole[_ID : _ID + _NONCE], whole[_ID + _NONCE : _ID + _NONCE + _TAG]
    cipher = AES.new(key.secret, AES.MODE_GCM, nonce=nonce, mac_len=_TAG)
    secret: dict[str, Any] = json.loads(cipher.decrypt_and_verify(whole[_ID + _NONCE + _TAG :], tag))
    return secret


@cache
def marked(kind: type[Data]) -> dict[str, bool]:
    """The personal fields of a type by the name they are stored under, and whether each must be there."""
    return {
        field.alias or name: field.is_required()
        for name, field in kind.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("x-personal")
    }


@cache
def stand_ins(kind: type[Data]) -> dict[str, Any]:
    """What stands for the personal fields of a type that must be there: the first that fits."""
    needed = [name for name, required in marked(kind).items() if required]
    return {name: stand_in(kind, name) for name in needed}


def stand_in(kind: type[Data], alias: str) -> Any:
    """What stands for a personal field of a type: the first that fits."""
    field = next(it for name, it in kind.model_fields.items() if (it.alias or name) == alias)
    shape: Any = Annotated[field.annotation, field]
    adapter = TypeAdapter(shape)
    for candidate in _STAND_INS:
        try:
            adapter.validate_json(json.dumps(candidate), strict=True)
        except ValidationError:
            continue
        return candidate
    raise AssertionError(f"{kind.__name__}.{alias}: nothing can stand for it")
