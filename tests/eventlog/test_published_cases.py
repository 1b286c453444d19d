"""The cases that the `eventsourcing` library publishes for persistence modules, on a real server.

Three of what it publishes do not apply. `TaggedDecisionCountersProjectionTestCase` is for stores of tagged
decisions (`eventsourcing.dcb`), another kind of recorder with queries over tags, which this module has not;
`TranscoderTestCase` is about the library's transcoder, which is used here as it is; `ApplicationTestCase` is
about the library's applications on its own in-memory module, which it names in its assertions.
"""

from __future__ import annotations

import os
from unittest import mock
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.tests import application as application_cases
from eventsourcing.tests import persistence as cases
from eventsourcing.tests import projection as projection_cases
from eventsourcing.utils import Environment

from eventlog.jetstream import (
    Factory,
    JetStreamAggregateRecorder,
    JetStreamApplicationRecorder,
    JetStreamProcessRecorder,
    JetStreamTrackingRecorder,
)

pytestmark = pytest.mark.usefixtures("published")


class Recording:
    """What the recorder cases have in common: a factory on an empty stream."""

    env: dict[str, str]

    def factory(self) -> Factory:
        factory = Factory(Environment("app", self.env))
        self.addCleanup(factory.close)  # type: ignore[attr-defined]
        return factory


class TestAggregateRecorder(Recording, cases.AggregateRecorderTestCase):
    """The aggregate recorder keeps versions apart by aggregate, whole inserts, and no notification ids."""

    def create_recorder(self) -> AggregateRecorder:
        return self.factory().aggregate_recorder()


class TestSnapshotRecorder(Recording, cases.AggregateRecorderTestCase):
    """The same holds for snapshots."""

    def create_recorder(self) -> AggregateRecorder:
        return self.factory().aggregate_recorder("snapshots")


class TestApplicationRecorder(Recording, cases.ApplicationRecorderTestCase[ApplicationRecorder]):
    """The application recorder gives notification ids in the order of the log, and subscriptions."""

    def create_recorder(self) -> ApplicationRecorder:
        return self.factory().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(Recording, cases.TrackingRecorderTestCase):
    """The tracking recorder takes rising positions only."""

    def create_recorder(self) -> TrackingRecorder:
        return self.factory().tracking_recorder()


class TestProcessRecorder(Recording, cases.ProcessRecorderTestCase):
    """The process recorder takes events and position together, or neither."""

    def create_recorder(self) -> ProcessRecorder:
        return self.factory().process_recorder()


class TestApplicationCasesOfProcessRecorder(Recording, cases.ApplicationRecorderTestCase[ProcessRecorder]):
    """A process recorder is an application recorder too."""

    def create_recorder(self) -> ProcessRecorder:
        return self.factory().process_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(Recording, cases.NonInterleavingNotificationIDsBaseCase):
    """Events inserted together have notification ids without a stranger's between them."""

    def create_recorder(self) -> ApplicationRecorder:
        return self.factory().application_recorder()


class TrackingSubclass(JetStreamTrackingRecorder):
    """A kind of tracking recorder, to be asked for."""


class TestInfrastructureFactory(cases.InfrastructureFactoryTestCase[Factory]):
    """The factory is found by its module's name and makes the recorders and mappers that are asked for."""

    def setUp(self) -> None:
        self.env = Environment(env=self.env)
        super().setUp()

    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return JetStreamAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return JetStreamApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return JetStreamTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return TrackingSubclass

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return JetStreamProcessRecorder


class TestExampleApplication(application_cases.ExampleApplicationTestCase):
    """The library's example application works on the log, snapshots included."""

    expected_factory_topic = "eventlog.jetstream:Factory"
    env: dict[str, str]

    def setUp(self) -> None:
        settings = mock.patch.dict(os.environ, self.env)
        settings.start()
        self.addCleanup(settings.stop)


class EventCounters(JetStreamProcessRecorder, projection_cases.EventCountersView):
    """Counts as aggregates of their own: the version of the last event is the count."""

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def _count(self, counter: str) -> int:
        last = self.select_events(self._id(counter), desc=True, limit=1)
        return last[0].originator_version if last else 0

    def _increment(self, counter: str, tracking: Tracking) -> None:
        event = StoredEvent(self._id(counter), self._count(counter) + 1, "incremented", b"{}")
        self.insert_events([event], tracking=tracking)

    @staticmethod
    def _id(counter: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/event-counters/{counter}")


class TestEventCountersView(Recording, projection_cases.EventCountersViewTestCase):
    """A view recorded with its position counts each event once."""

    def construct_event_counters_view(self) -> projection_cases.EventCountersView:
        view = self.factory().tracking_recorder(EventCounters)
        assert isinstance(view, projection_cases.EventCountersView)
        return view


class TestProjection(projection_cases.AggregateEventCountersProjectionTestCase):
    """A projection follows an application's events, and stops at an error of its own."""

    view_class = EventCounters


class TestEventSourcedProjection(projection_cases.EventSourcedProjectionTestCase):
    """A projection may itself be event-sourced, its events and position in one batch."""
