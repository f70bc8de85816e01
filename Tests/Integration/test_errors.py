"""Error messages are part of the interface: where, what, and what to type instead."""

import pytest

from broker import command


def check(folder, text):
    (folder / "plugins.yaml").write_text(text)
    return command("check", "plugins.yaml", cwd=folder)


@pytest.mark.parametrize("text, message", [
    ("broker:\n  session: { max_inflight_messages: 20 }\n",
     "plugins.yaml:2:14: unknown key 'max_inflight_messages' in broker.session; here it is called 'max_inflight'"),
    ("broker:\n  limits: { max_payload_size: 256KB }\n",
     "plugins.yaml:2:31: '256KB' is not a size; write 256KiB or a plain number of bytes"),
    ("broker:\n  listeners:\n    tcp: { url: \"mqtt://0.0.0.0:1883\" }\n",
     "plugins.yaml:3:5: listener 'tcp' is open to the network (0.0.0.0:1883) and no auth plugin is configured; "
     "add one, bind to localhost, or set allow_anonymous: true here"),
    ("plugins:\n  - { id: geo, path: build/geo.so }\n",
     "plugins.yaml:2:5: plugin 'geo': no file build/geo.so"),
    ("broker:\n  threads: 1\n  threads: 2\n", "plugins.yaml:3:3: "),
    ("broker:\n  session: { max_expiry_interval: 5 minutes }\n", "plugins.yaml:2:35: '5 minutes' is not a duration"),
    ("broker: [\n", "plugins.yaml:"),
    ("plugins:\n  - { id: Not_A_Name }\n", "plugins.yaml:2:"),
])
def test_the_message_says_where_and_what(tmp_path, text, message):
    done = check(tmp_path, text)
    assert done.returncode == 78
    assert message in done.stderr, done.stderr


def test_a_mosquitto_option_gets_a_hint(tmp_path):
    done = command("serve", "--test-config", cwd=tmp_path)
    assert done.returncode == 2
    assert "hookline check" in done.stderr


def test_a_missing_configuration_file_is_named(tmp_path):
    done = command("serve", "--config", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 78
    assert "nowhere.yaml" in done.stderr
