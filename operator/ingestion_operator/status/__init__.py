"""The status: conditions, the last operation, the time of the next check, and which warning Events are new.

Every function is pure: it takes what happened and the time, and returns the new status. The table in `outcomes` says what an
error means.
"""
