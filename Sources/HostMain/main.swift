print("hookline-host")
