enum BrokerCorePlaceholder {}
