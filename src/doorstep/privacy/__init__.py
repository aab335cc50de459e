"""Privacy: what is kept about people, who may see who did what, and how a person is forgotten.

It owns no personal data of its own: every slice says in its ``erasure`` module what its tables hold of people and what becomes of it, and the
kernel writes the audit log. Here is what acts on all of them together.
"""
