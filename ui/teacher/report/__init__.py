"""What a labeling run came to: labels, confidence, calibration, usage."""
