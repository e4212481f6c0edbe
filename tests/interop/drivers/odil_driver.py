"""The odil library (python3-odil) on the command line: `odil_driver.py move|listen ...`; see `stacks/driven.py`.

Run by the system's Python, which Debian's package is made for. What odil's own program does is left to it.
"""

import contextlib
import sys
from pathlib import Path

import odil

MOVE = odil.registry.StudyRootQueryRetrieveInformationModelMove
SUCCESS = 0


def move(host: str, port: str, calling: str, called: str, destination: str, study: str) -> None:
    """Send C-MOVE for a study."""
    context = odil.AssociationParameters.PresentationContext(
        1, MOVE, [odil.registry.ImplicitVRLittleEndian], odil.AssociationParameters.PresentationContext.Role.SCU
    )
    association = odil.Association()
    association.set_peer_host(host)
    association.set_peer_port(int(port))
    parameters = association.update_parameters()
    parameters.set_calling_ae_title(calling).set_called_ae_title(called).set_presentation_contexts([context])
    association.associate()
    keys = odil.DataSet()
    keys.add("QueryRetrieveLevel", ["STUDY"])
    keys.add("StudyInstanceUID", [study])
    mover = odil.MoveSCU(association)
    mover.set_affected_sop_class(MOVE)
    mover.set_move_destination(destination)
    statuses = []
    mover.move(keys, lambda data_set: None, lambda answer: statuses.append(answer.get_status()))
    association.release()
    if statuses[-1] != SUCCESS:
        sys.exit(f"C-MOVE ended with status {statuses[-1]:04X}")


def listen(port: str, ae_title: str, folder: str) -> None:
    """Take associations one after the other, each data set into a file, until killed."""

    def store(message: odil.messages.CStoreRequest) -> int:
        data_set = message.get_data_set()
        name = data_set.as_string("SOPInstanceUID")[0].decode()
        with odil.open(str(Path(folder, name)), "wb") as stream:
            odil.Writer.write_file(data_set, stream, odil.DataSet(), data_set.get_transfer_syntax())
        return SUCCESS

    while True:
        association = odil.Association()
        association.receive_association("v4", int(port))
        dispatcher = odil.SCPDispatcher(association)
        scp = odil.StoreSCP(association)
        scp.set_callback(store)
        dispatcher.set_store_scp(scp)
        with contextlib.suppress(odil.AssociationReleased, odil.AssociationAborted):
            while True:
                dispatcher.dispatch()


if __name__ == "__main__":
    {"move": move, "listen": listen}[sys.argv[1]](*sys.argv[2:])
