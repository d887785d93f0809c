"""What AURORA is measured against: rules, detectors and learned policies that others use or published."""
