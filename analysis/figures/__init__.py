"""The pictures, one file each: functions from the evidence to a figure, None where there is nothing to draw."""
