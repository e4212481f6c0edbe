"""A small realistic collection of DICOM files, made from code: see README.md of this folder."""
