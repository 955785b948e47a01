"""Several devices that work as one."""
