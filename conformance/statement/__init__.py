"""The DICOM Conformance Statement (PS3.2, template of Annex N), written from the tables the node runs on."""
