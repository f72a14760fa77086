"""The circuits of rtl/ and what is counted on them."""
