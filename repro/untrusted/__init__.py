"""Readers of foreign files that execute nothing.

``source`` opens one regular file and maps its large parts; ``formats`` recognises its format; ``npy``, ``zip_files``,
``torch_files``, ``safetensors_files``, ``hdf5`` and ``tables`` read the containers; ``unpickle`` interprets the opcodes
of a pickle with the names of ``rebuild`` only; ``plain`` turns the result into plain values, and ``flatten`` those
into arrays by name.
"""
