"""JSON-LD contexts: those we bundle, so that none is ever fetched, and those we write.

The `.json` files beside this module state facts of the vocabularies they are named after; the
W3C's contexts come with pyld.
"""
