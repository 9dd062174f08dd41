"""Readers of foreign files that execute nothing.

``source`` opens one regular file of bounded size; ``formats`` recognises its format; ``npy`` and ``torch_files`` read
the containers; ``unpickle`` interprets the opcodes of a pickle with the names of ``rebuild`` only; ``plain`` turns the
result into plain values, and ``flatten`` those into arrays by name.
"""
