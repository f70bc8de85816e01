import Foundation
import PluginABI
import Testing

/// The layout is written down twice: by C, in the assertions of abi_layout*.c, and by Swift, here.
@Suite struct LayoutTests {
    /// Sizes that the assertions of a file freeze, by type.
    private static func frozen(_ file: String) throws -> [String: Int] {
        let text = try String(contentsOfFile: "\(Shell.root)/Sources/PluginABI/\(file)", encoding: .utf8)
        var frozen: [String: Int] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("SIZE(") {
            let parts = line.dropFirst(5).split { "(), ;".contains($0) }
            frozen[String(parts[0])] = Int(parts[1])
        }
        return frozen
    }

    @Test("Swift sees the sizes of what hooks see that abi_layout.c freezes")
    func hookSizes() throws {
        let seen: [String: Int] = [
            "hl_view": MemoryLayout<hl_view>.size, "hl_host_probe": MemoryLayout<hl_host_probe>.size,
            "hl_life": MemoryLayout<hl_life>.size, "hl_plugin_desc": MemoryLayout<hl_plugin_desc>.size,
            "hl_note": MemoryLayout<hl_note>.size, "hl_config_key": MemoryLayout<hl_config_key>.size,
            "hl_config_v1": MemoryLayout<hl_config_v1>.size, "hl_config": MemoryLayout<hl_config>.size,
            "hl_key_table": MemoryLayout<hl_key_table>.size,

            "hl_trace_context": MemoryLayout<hl_trace_context>.size,
            "hl_client": MemoryLayout<hl_client>.size, "hl_msg": MemoryLayout<hl_msg>.size,
            "hl_connect": MemoryLayout<hl_connect>.size, "hl_granted": MemoryLayout<hl_granted>.size,
            "hl_exchange": MemoryLayout<hl_exchange>.size,
            "hl_subscribe": MemoryLayout<hl_subscribe>.size, "hl_receiver": MemoryLayout<hl_receiver>.size,
            "hl_delivery": MemoryLayout<hl_delivery>.size, "hl_event": MemoryLayout<hl_event>.size,
            "hl_accept": MemoryLayout<hl_accept>.size, "hl_psk": MemoryLayout<hl_psk>.size,
            "hl_peer": MemoryLayout<hl_peer>.size, "hl_session": MemoryLayout<hl_session>.size,
            "hl_retained": MemoryLayout<hl_retained>.size, "hl_property": MemoryLayout<hl_property>.size,
            "hl_answer": MemoryLayout<hl_answer>.size, "hl_call_v1": MemoryLayout<hl_call_v1>.size,
            "hl_call": MemoryLayout<hl_call>.size, "hl_interest": MemoryLayout<hl_interest>.size,
        ]
        #expect(try Self.frozen("abi_layout.c") == seen)
    }

    @Test("Swift sees the sizes of the service tables that abi_layout_services.c freezes")
    func serviceSizes() throws {
        let tables: [String: Int] = [
            "hl_abi_v1": MemoryLayout<hl_abi_v1>.size, "hl_administration_v1": MemoryLayout<hl_administration_v1>.size,
            "hl_connection_v1": MemoryLayout<hl_connection_v1>.size,
            "hl_client_v1": MemoryLayout<hl_client_v1>.size, "hl_clock_v1": MemoryLayout<hl_clock_v1>.size,
            "hl_consume_v1": MemoryLayout<hl_consume_v1>.size, "hl_core_v1": MemoryLayout<hl_core_v1>.size,
            "hl_executor_v1": MemoryLayout<hl_executor_v1>.size, "hl_http_v1": MemoryLayout<hl_http_v1>.size,
            "hl_http_server_v1": MemoryLayout<hl_http_server_v1>.size, "hl_kv_v1": MemoryLayout<hl_kv_v1>.size,
            "hl_log_v1": MemoryLayout<hl_log_v1>.size, "hl_message_v1": MemoryLayout<hl_message_v1>.size,
            "hl_metrics_v1": MemoryLayout<hl_metrics_v1>.size,
            "hl_provide_v1": MemoryLayout<hl_provide_v1>.size, "hl_publish_v1": MemoryLayout<hl_publish_v1>.size,
            "hl_random_v1": MemoryLayout<hl_random_v1>.size, "hl_reactor_v1": MemoryLayout<hl_reactor_v1>.size,
            "hl_retained_v1": MemoryLayout<hl_retained_v1>.size, "hl_state_v1": MemoryLayout<hl_state_v1>.size,
            "hl_subs_v1": MemoryLayout<hl_subs_v1>.size, "hl_thread_check_v1": MemoryLayout<hl_thread_check_v1>.size,
            "hl_timer_v1": MemoryLayout<hl_timer_v1>.size, "hl_topic_v1": MemoryLayout<hl_topic_v1>.size,
            "hl_trace_v1": MemoryLayout<hl_trace_v1>.size, "hl_watch_v1": MemoryLayout<hl_watch_v1>.size,
            "hl_store_v1": MemoryLayout<hl_store_v1>.size,
        ]
        let values: [String: Int] = [
            "hl_exemplar": MemoryLayout<hl_exemplar>.size,
            "hl_trace_options": MemoryLayout<hl_trace_options>.size,
            "hl_publish_report": MemoryLayout<hl_publish_report>.size,
            "hl_batch": MemoryLayout<hl_batch>.size, "hl_consumer_options": MemoryLayout<hl_consumer_options>.size,
            "hl_consumer_stats": MemoryLayout<hl_consumer_stats>.size, "hl_field": MemoryLayout<hl_field>.size,
            "hl_http_request": MemoryLayout<hl_http_request>.size,
            "hl_http_response": MemoryLayout<hl_http_response>.size,
            "hl_http_route": MemoryLayout<hl_http_route>.size, "hl_metric_spec": MemoryLayout<hl_metric_spec>.size,
            "hl_provided": MemoryLayout<hl_provided>.size, "hl_publication": MemoryLayout<hl_publication>.size,
            "hl_sample": MemoryLayout<hl_sample>.size, "hl_sample_list": MemoryLayout<hl_sample_list>.size,
            "hl_self": MemoryLayout<hl_self>.size, "hl_session_info": MemoryLayout<hl_session_info>.size,
            "hl_session_list": MemoryLayout<hl_session_list>.size, "hl_span_data": MemoryLayout<hl_span_data>.size,
            "hl_span_list": MemoryLayout<hl_span_list>.size, "hl_state_reader": MemoryLayout<hl_state_reader>.size,
            "hl_state_writer": MemoryLayout<hl_state_writer>.size,
            "hl_subscription": MemoryLayout<hl_subscription>.size,
            "hl_subscription_list": MemoryLayout<hl_subscription_list>.size,
            "hl_store_options": MemoryLayout<hl_store_options>.size,
            "hl_store_change": MemoryLayout<hl_store_change>.size,
            "hl_store_batch": MemoryLayout<hl_store_batch>.size, "hl_store_range": MemoryLayout<hl_store_range>.size,
            "hl_store_pair": MemoryLayout<hl_store_pair>.size,
            "hl_store_statistics": MemoryLayout<hl_store_statistics>.size,
        ]
        #expect(try Self.frozen("abi_layout_services.c") == tables.merging(values) { first, _ in first })
    }

    @Test("the written layout is the one the headers have")
    func isCurrent() throws {
        let check = try Shell.run("python3 scripts/abi-layout.py --check")
        #expect(check.status == 0, "\(check.output)")
    }
}
