"""Rendering: from a frame and the header around it to a picture of 8 bits a channel that any browser shows.

`picture.render` is the way in, and runs in a codec process; `request` has what is asked for, and no more than values.
"""
