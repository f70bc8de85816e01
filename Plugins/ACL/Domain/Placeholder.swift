enum ACLPlaceholder {}
