"""What a DICOM node must do, checked from outside over the wire: phantoms, a load generator and benchmarks."""
