"""The report's sections, one file each: functions from the evidence to lines of Markdown, heading included."""
