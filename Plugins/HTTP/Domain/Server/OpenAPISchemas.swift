/// The schemas of bodies, as JSON Schema.
enum OpenAPISchemas {
    /// Name and text of each.
    static let all: [(name: String, text: String)] = [
        ("Any", #"{"type":"object"}"#),
        ("Events", #"{"type":"string"}"#),
        ("Health", #"{"type":"object","properties":{"status":{"enum":["ok","failed"]}},"required":["status"]}"#),
        (
            "Readiness",
            #"{"type":"object","properties":{"ready":{"type":"boolean"},"status":{"type":"string"},"#
                + #""checks":{"type":"object","additionalProperties":{"type":"string"}}},"#
                + #""required":["ready","status","checks"]}"#
        ),
        ("Cluster", #"{"type":"object","properties":{"mode":{"type":"string"},"nodes":{"type":"integer"}}}"#),
        ("Problem", problem("")),
        (
            "Refusal",
            problem(
                #","errors":{"type":"array","items":{"type":"object","properties":{"file":{"type":["string","null"]},"#
                    + #""line":{"type":["integer","null"]},"column":{"type":["integer","null"]},"#
                    + #""message":{"type":"string"}},"required":["message"]}}"#)
        ),
        ("Change", #"{"type":"object","properties":{"changed":{"type":"array","items":{"type":"string"}}}}"#),
        (
            "SettingValue",
            #"{"type":"object","properties":{"value":{}},"required":["value"],"additionalProperties":false}"#
        ),
        ("Message", message),
        (
            "Published",
            #"{"type":"object","properties":{"id":{"type":"string"},"matched":{"type":"integer"},"#
                + #""sent":{"type":"integer"},"queued":{"type":"integer"},"denied":{"type":"integer"},"#
                + #""dropped":{"type":"integer"},"reason_code":{"type":"integer"},"reason":{"type":"string"}},"#
                + #""required":["id","matched"]}"#
        ),
        (
            "Session",
            #"{"type":"object","properties":{"client_id":{"type":"string"},"connected":{"type":"boolean"},"#
                + #""username":{"type":["string","null"]},"address":{"type":["string","null"]},"#
                + #""listener":{"type":["string","null"]},"protocol":{"type":"string"},"#
                + #""connected_at":{"type":["string","null"]},"keep_alive":{"type":"integer"},"#
                + #""session_expiry_interval":{"type":"integer"},"subscriptions":{"type":"integer"},"#
                + #""inflight":{"type":"integer"},"queued":{"type":"integer"}},"required":["client_id"]}"#
        ),
        (
            "Subscription",
            #"{"type":"object","properties":{"client_id":{"type":"string"},"filter":{"type":"string"},"#
                + #""share_group":{"type":["string","null"]},"qos":{"type":"integer"}},"#
                + #""required":["client_id","filter","qos"]}"#
        ),
        (
            "Retained",
            #"{"type":"object","properties":{"topic":{"type":"string"},"qos":{"type":"integer"},"#
                + #""size":{"type":"integer"}},"required":["topic"]}"#
        ),
        (
            "RetainedMessage",
            #"{"type":"object","properties":{"topic":{"type":"string"},"payload":{"type":"string"},"#
                + #""payload_encoding":{"enum":["plain","base64"]}},"required":["topic","payload"]}"#
        ),
        (
            "Topic",
            #"{"type":"object","properties":{"topic":{"type":"string"},"subscribers":{"type":"integer"},"#
                + #""shared_groups":{"type":"integer"}},"required":["topic"]}"#
        ),
        ("TopicListOrTopic", #"{"type":"object"}"#),
        ("SessionList", list("Session")),
        ("SubscriptionList", list("Subscription")),
        ("RetainedList", list("Retained")),
        ("ItemList", list("Any")),
    ]

    private static func list(_ item: String) -> String {
        ##"{"type":"object","properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/"##
            + item + #""}},"next_cursor":{"type":["string","null"]},"total":{"type":["integer","null"]}},"#
            + #""required":["items","next_cursor","total"]}"#
    }

    private static func problem(_ further: String) -> String {
        #"{"type":"object","properties":{"type":{"type":"string"},"title":{"type":"string"},"#
            + #""status":{"type":"integer"},"detail":{"type":"string"},"reason_code":{"type":"integer"},"#
            + #""reason":{"type":"string"},"rule":{"type":"string"}"# + further
            + #"},"required":["type","title","status","detail"]}"#
    }

    /// Text without control characters.
    static let textPattern = #"^[^\u0000-\u001f\u007f-\u009f]*$"#
    /// A topic name of MQTT.
    static let topicPattern = ##"^[^#+\u0000]+$"##
    /// A topic filter of MQTT, which is not empty.
    static let filterPattern = ##"^(#|(\+|[^+#/\u0000]*)(/(\+|[^+#/\u0000]*))*(/#)?)$"##
    /// RFC 4648, with padding, and one text for one value.
    private static let base64Pattern =
        "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"

    private static func string(_ pattern: String) -> JSON {
        .object([("type", "string"), ("pattern", .string(pattern))])
    }

    private static let message: String = {
        let text = string(textPattern).rendered
        let topic = string(topicPattern).rendered
        let base64 = string(base64Pattern).rendered
        let parts: [String] = [
            #"{"type":"object","additionalProperties":false,"required":["topic"],"properties":{"topic":"#, topic,
            #","payload":{"type":"string"},"payload_encoding":{"enum":["plain","base64"]},"#,
            #""qos":{"type":"integer","minimum":0,"maximum":2},"retain":{"type":"boolean"},"#,
            #""properties":{"type":"object","additionalProperties":false,"properties":{"content_type":"#, text,
            #","response_topic":"#, topic, #","correlation_data":"#, base64,
            #","payload_format_indicator":{"type":"integer","enum":[0,1]},"#,
            #""message_expiry_interval":{"type":"integer","minimum":1,"maximum":4294967295},"#,
            #""user":{"type":"array","items":{"type":"array","minItems":2,"maxItems":2,"items":"#, text, "}}}}},",
            #""anyOf":[{"properties":{"payload_encoding":{"const":"plain"}}},"#,
            #"{"required":["payload_encoding"],"properties":{"payload_encoding":{"const":"base64"},"payload":"#,
            base64, "}}]}",
        ]
        return parts.joined()
    }()
}
