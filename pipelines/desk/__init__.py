"""The paper desk: client orders, the venue it trades on, and the files it drops."""
