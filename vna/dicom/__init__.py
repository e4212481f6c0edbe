"""The DICOM standard as the archive needs it: data sets as bytes, attributes, queries. Pure: no I/O."""
