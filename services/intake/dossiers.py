"""Dossiers: what agents have to hand about the products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.base import Language
from contracts.commands import DossierQuery
from contracts.protocol import Protocol


def listed(protocol: Protocol, query: DossierQuery) -> list[dict[str, Any]]:
    """The dossiers that a query asks for, in its language or the protocol's, as JSON has them. R55."""
    language = query.language or protocol.language

    def read(wording: Mapping[Language, str]) -> str:
        return wording.get(language) or next(iter(wording.values()), "")

    return [
        {
            "product": product,
            "summary": read(dossier.summary),
            "facts": {name: read(fact) for name, fact in dossier.facts.items()},
        }
        for product, dossier in protocol.dossiers.items()
        if query.product in (None, product)
    ]
