"""pynetdicom, as a library within the process of the tests."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pynetdicom
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import PresentationContext, StoragePresentationContexts, build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from conformance.upper_layer import Address
from interop.stacks.answers import as_text
from interop.stacks.roles import About, Question, StackFailed, Wanted
from vna.dicom.supported import TRANSFER_SYNTAXES
from waiting import until

_MODELS = {
    "STUDY": StudyRootQueryRetrieveInformationModelFind,
    "PATIENT": PatientRootQueryRetrieveInformationModelFind,
}
_PENDING = (0xFF00, 0xFF01)


class Pynetdicom:
    """pynetdicom's AE, as SCU and SCP."""

    about = About("pynetdicom", "make test", remarks={"retriever": "asks for the SOP Classes and syntaxes it expects"})

    def version(self) -> str | None:
        """Return the package's version."""
        return pynetdicom.__version__

    def echo(self, node: Address) -> None:
        """Send C-ECHO."""
        with _association(node, build_context(Verification)) as association:
            _expect_success(association.send_c_echo())

    def send(self, node: Address, files: Sequence[Path]) -> None:
        """Send files as pynetdicom reads and writes them."""
        data_sets = [dcmread(file) for file in files]
        with _association(node, *_storage_contexts(data_sets)) as association:
            for ds in data_sets:
                _expect_success(association.send_c_store(ds))
                _let_resume(association)

    def find(self, node: Address, question: Question) -> list[Mapping[str, str]]:
        """Send C-FIND."""
        model = _MODELS[question.model]
        with _association(node, build_context(model)) as association:
            answers = list(association.send_c_find(_identifier(question), model))
        _expect_success(answers[-1][0])
        return [as_text(identifier) for _, identifier in answers[:-1] if identifier is not None]

    def get(self, node: Address, wanted: Wanted, folder: Path) -> None:
        """Send C-GET, each pair of SOP Class and transfer syntax in a context of its own."""
        model = StudyRootQueryRetrieveInformationModelGet
        with _getting(node, wanted, folder) as association:
            *_, (final, _) = association.send_c_get(_study(wanted.study), model)
        _expect_success(final)

    def move(self, node: Address, study: str, destination: str) -> None:
        """Send C-MOVE."""
        model = StudyRootQueryRetrieveInformationModelMove
        with _association(node, build_context(model)) as association:
            *_, (final, _) = association.send_c_move(_study(study), destination, model)
        _expect_success(final)

    @contextmanager
    def listening(self, folder: Path, *, port: int, ae_title: str) -> Iterator[None]:
        """Run a Storage SCP in threads of this process, for every transfer syntax."""
        entity = AE(ae_title)
        for context in StoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), list(TRANSFER_SYNTAXES))
        server = entity.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, _keep, [folder])]
        )
        assert server is not None  # it is None where it blocks
        yield
        server.shutdown()

    def cancel_find(self, node: Address, question: Question, *, after: int) -> int:
        """Send C-CANCEL between two answers."""
        model = _MODELS[question.model]
        status = 0
        with _association(node, build_context(model)) as association:
            answers = association.send_c_find(_identifier(question), model, msg_id=7)
            for n, (answer, _) in enumerate(answers, 1):
                status = int(answer.Status)
                if n == after and status in _PENDING:
                    association.send_c_cancel(7, query_model=model)
        return status

    def cancel_retrieve(self, node: Address, wanted: Wanted, destination: str) -> int:
        """Send C-CANCEL for a C-MOVE at its first pending answer."""
        model = StudyRootQueryRetrieveInformationModelMove
        status = 0
        with _association(node, build_context(model)) as association:
            answers = association.send_c_move(_study(wanted.study), destination, model, msg_id=7)
            for n, (answer, _) in enumerate(answers):
                status = int(answer.Status)
                if n == 0:
                    association.send_c_cancel(7, query_model=model)
        return status

    def abort(self, node: Address, file: Path) -> None:
        """Send a file, then A-ABORT."""
        ds = dcmread(file)
        with _association(node, *_storage_contexts([ds])) as association:
            _expect_success(association.send_c_store(ds))
            association.abort()


@contextmanager
def _association(
    node: Address, *contexts: PresentationContext, roles: Sequence[str] = (), keep_in: Path | None = None
) -> Iterator[Association]:
    entity = AE("PYNETDICOM")
    entity.requested_contexts = list(contexts)
    association = entity.associate(
        node.host,
        node.port,
        ae_title=node.ae_title,
        ext_neg=[build_role(uid, scp_role=True) for uid in roles],
        evt_handlers=[(evt.EVT_C_STORE, _keep, [keep_in])],
    )
    if not association.is_established:
        raise StackFailed(f"no association: rejected={association.is_rejected} aborted={association.is_aborted}")
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _getting(node: Address, wanted: Wanted, folder: Path) -> AbstractContextManager[Association]:
    storing = [build_context(uid, syntax) for uid in wanted.sop_classes for syntax in wanted.transfer_syntaxes]
    contexts = [build_context(StudyRootQueryRetrieveInformationModelGet), *storing]
    return _association(node, *contexts, roles=wanted.sop_classes, keep_in=folder)


def _storage_contexts(data_sets: Sequence[Dataset]) -> list[PresentationContext]:
    pairs = sorted({(str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID)) for ds in data_sets})
    return [build_context(sop_class, syntax) for sop_class, syntax in pairs]


def _keep(event: evt.Event, folder: Path) -> int:
    """Write what came, bit by bit, into a file named after its SOP Instance UID."""
    assert isinstance(event.request, C_STORE)
    (folder / str(event.request.AffectedSOPInstanceUID)).write_bytes(event.encoded_dataset())
    return 0


def _identifier(question: Question) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = question.level
    if question.charset:
        ds.SpecificCharacterSet = question.charset
    for keyword, value in question.keys.items():
        setattr(ds, keyword, value)
    return ds


def _study(uid: str) -> Dataset:
    return _identifier(Question("STUDY", {"StudyInstanceUID": uid}))


def _let_resume(association: Association) -> None:
    """Wait until the association's own thread goes on: what is sent before, it takes the answer to for a request."""
    until(lambda: not association._is_paused, step_s=0.002)


def _expect_success(status: Dataset) -> None:
    if status.get("Status") != 0:
        raise StackFailed(f"status {status.get('Status', 'none')}")
