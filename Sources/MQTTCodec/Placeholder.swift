enum MQTTCodecPlaceholder {}
