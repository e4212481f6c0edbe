"""Checks of a DICOM node from outside, over the wire, each with the section of the standard it holds the node to."""
