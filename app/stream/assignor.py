"""The Faust assignor as we need it: an assignment from before is taken, also when this worker has another address now.

A static member that is back within its session is given its former assignment as it was, with the address that it had
then (KIP-345; GroupCoordinator of Kafka, updateStaticMemberAndRebalance). Faust's own asserts that this is the present
one, in the task that keeps the worker in its group: the worker stayed up and did nothing.
"""

from typing import cast

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor
from yarl import URL


class SafeAssignor(PartitionAssignor):
    """Addresses are told to nobody here: requests for tables are not routed between workers."""

    _assigned_to: str = ""

    @property
    def _url(self) -> URL:
        return URL(self._assigned_to) if self._assigned_to else super()._url

    def on_assignment(self, assignment: ConsumerProtocolMemberMetadata) -> None:
        """As Faust's, as the worker at the address for which it was made."""
        made_for = cast(ClientMetadata, ClientMetadata.loads(self._decompress(assignment.user_data))).url
        self._assigned_to = made_for
        try:
            super().on_assignment(assignment)
        finally:
            self._assigned_to = ""
