"""JetStream as a persistence module of the `eventsourcing` library: PERSISTENCE_MODULE=eventlog.jetstream.

JETSTREAM_URL       where the server is, nats://host:port; required
JETSTREAM_CONTEXT   second token of all subjects, `default` if not set
JETSTREAM_STREAM    one stream for the whole context; if not set, LOG_<context>_<application> for each
JETSTREAM_REPLICAS  copies of a stream that is created here, 1 if not set
JETSTREAM_TIMEOUT   seconds to wait for an answer of the server, 5 if not set
CREATE_TABLE        no: the stream is there, do not create it
ORIGINATOR_ID_TYPE  uuid (if not set) or text

As with every setting of the library, <APPLICATION>_JETSTREAM_URL goes before JETSTREAM_URL.
"""

from __future__ import annotations

from typing import TypeVar, cast

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from eventlog.codec import JSON
from eventlog.connection import Log
from eventlog.layout import Layout
from eventlog.recorders import (
    JetStreamAggregateRecorder,
    JetStreamApplicationRecorder,
    JetStreamProcessRecorder,
    JetStreamRecorder,
    JetStreamTrackingRecorder,
)
from eventlog.stream import Settings

__all__ = [
    "Factory",
    "JetStreamAggregateRecorder",
    "JetStreamApplicationRecorder",
    "JetStreamProcessRecorder",
    "JetStreamTrackingRecorder",
]

_NOT_JSON = ("TRANSCODER_TOPIC", "COMPRESSOR_TOPIC", "CIPHER_TOPIC", "CIPHER_KEY")
_Recorder = TypeVar("_Recorder", bound=JetStreamRecorder)


class Factory(InfrastructureFactory[JetStreamTrackingRecorder]):
    """Recorders on one stream, over one connection that `close` ends; OSError if a setting is wrong."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        if not (url := self.env.get("JETSTREAM_URL")):
            raise OSError(f"set {' or '.join(self.env.create_keys('JETSTREAM_URL'))} to nats://host:port")
        context = self.env.get("JETSTREAM_CONTEXT") or "default"
        application = self.env.name or "application"
        sealed = any(map(self.env.get, _NOT_JSON))
        self._layout = Layout(
            context,
            application,
            text_ids=self._chosen("ORIGINATOR_ID_TYPE", "uuid", "text") == "text",
            content_type="application/octet-stream" if sealed else JSON,
        )
        named = self.env.get("JETSTREAM_STREAM")
        self._subjects = [f"log.{context}.>" if named else f"log.{context}.{application}.>"]
        self._replicas = int(self._chosen("JETSTREAM_REPLICAS", "1", "3", "5"))
        self._log = Log(url, named or f"LOG_{context}_{application}", Settings(timeout=self._timeout()))
        self._is_created = False

    def _chosen(self, key: str, *possible: str) -> str:
        value = (self.env.get(key) or possible[0]).lower()
        if value not in possible:
            raise OSError(f"{key} is {value!r}, it must be {' or '.join(possible)}")
        return value

    def _timeout(self) -> float:
        text = self.env.get("JETSTREAM_TIMEOUT") or "5"
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0
        if not 0 < seconds <= 600:
            raise OSError(f"JETSTREAM_TIMEOUT is {text!r}, it must be a number of seconds above 0, up to 600")
        return seconds

    @property
    def stream(self) -> str:
        """The name of the stream."""
        return self._log.name

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """A recorder of events, or of what else has versions (`snapshots`); it gives no notification ids."""
        return JetStreamAggregateRecorder(self._created(), self._layout, purpose)

    def application_recorder(self) -> ApplicationRecorder:
        """A recorder of an application's events; of the class in APPLICATION_RECORDER_TOPIC if set."""
        return self._recorder(self.APPLICATION_RECORDER_TOPIC, JetStreamApplicationRecorder)

    def tracking_recorder(
        self, tracking_recorder_class: type[JetStreamTrackingRecorder] | None = None
    ) -> JetStreamTrackingRecorder:
        """A recorder of positions; of the class given, or of that in TRACKING_RECORDER_TOPIC."""
        if tracking_recorder_class is not None:
            return tracking_recorder_class(self._created(), self._layout)
        return self._recorder(self.TRACKING_RECORDER_TOPIC, JetStreamTrackingRecorder)

    def process_recorder(self) -> ProcessRecorder:
        """A recorder of events with positions; of the class in PROCESS_RECORDER_TOPIC if set."""
        return self._recorder(self.PROCESS_RECORDER_TOPIC, JetStreamProcessRecorder)

    def close(self) -> None:
        """Close the connection; the recorders are of no use after that."""
        self._log.close()

    def _recorder(self, key: str, usual: type[_Recorder]) -> _Recorder:
        topic = self.env.get(key)
        chosen = cast(type[_Recorder], resolve_topic(topic)) if topic else usual
        if not issubclass(chosen, usual):
            raise OSError(f"{key} is {topic}, it must be a kind of {usual.__name__}")
        return chosen(self._created(), self._layout)

    def _created(self) -> Log:
        if not self._is_created and strtobool(self.env.get("CREATE_TABLE") or "yes"):
            self._log.run(self._log.create(self._subjects, self._replicas))
            self._is_created = True
        return self._log
