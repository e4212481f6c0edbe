"""What points at images: a presentation state with a mark on a nodule, and a selection of key images."""

import numpy as np
from highdicom import ko, pr
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from sample_data.derived import settle
from sample_data.studies import Series


def presentation(series: Series, image: Dataset, centre: tuple[float, float], text: str) -> Dataset:
    """Return a presentation state (PS3.3 A.33.1): lung window, a text, a circle around a pixel (column, row)."""
    column, row = centre
    radius = 14.0 / float(image.PixelSpacing[0])
    layer = pr.GraphicLayer("FINDINGS", order=1, description="Findings")
    circle = pr.GraphicObject(
        graphic_type=pr.GraphicTypeValues.CIRCLE,
        graphic_data=np.array([[column, row], [column + radius, row]]),
        units=pr.AnnotationUnitsValues.PIXEL,
    )
    label = pr.TextObject(
        text_value=text, units=pr.AnnotationUnitsValues.PIXEL, anchor_point=(column + radius, row - radius)
    )
    made = pr.GrayscaleSoftcopyPresentationState(
        referenced_images=[image],
        series_instance_uid=series.uid,
        series_number=series.number,
        sop_instance_uid=series.instance_uid(1),
        instance_number=1,
        manufacturer=series.equipment.manufacturer,
        manufacturer_model_name=series.equipment.model,
        software_versions=series.equipment.software,
        device_serial_number=series.equipment.serial,
        content_label="NODULE",
        content_description=series.description,
        graphic_layers=[layer],
        graphic_annotations=[pr.GraphicAnnotation([image], layer, graphic_objects=[circle], text_objects=[label])],
        voi_lut_transformations=[pr.SoftcopyVOILUTTransformation(window_center=-600, window_width=1500)],
    )
    made.BodyPartExamined = image.BodyPartExamined
    return settle(made, series, 1)


def key_images(series: Series, images: list[Dataset], text: str) -> Dataset:
    """Return a key object selection (PS3.3 A.35.4) of these images of one study."""
    made = ko.KeyObjectSelectionDocument(
        evidence=images,
        content=ko.KeyObjectSelection(
            document_title=CodedConcept("113000", "DCM", "Of Interest"), referenced_objects=images, description=text
        ),
        series_instance_uid=series.uid,
        series_number=series.number,
        sop_instance_uid=series.instance_uid(1),
        instance_number=1,
        manufacturer=series.equipment.manufacturer,
        institution_name=series.study.patient.institution.name,
    )
    return settle(made, series, 1)
