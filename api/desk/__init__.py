"""The desk: server-rendered pages for operators about orders, seats and money.

They load no script and no external asset.
"""
