"""The data set: tables of machines, chips, the network and articles' claims, and the readers that check them."""
