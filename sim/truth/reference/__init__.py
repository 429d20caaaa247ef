"""The reference monitor: reads requirements and walks the journal by itself, naively, and asks the PAI nothing."""
