// Connections, commands, subscriptions and events, against a gatekeeper that the tests play themselves.
#include "bench.h"

using namespace gatekeeper;

TEST(it_says_who_it_is) {
  Roomy bench;
  CHECK(!bench.engine.isReady());
  bench.engine.connected(bench.now);
  CHECK_TEXT(bench.said(), "COMMAND=HELLO|ID=0|CLIENT=bench|KEEPALIVE=5000ms");
  CHECK(!bench.engine.isReady());
  bench.hear({"REPLY=OK|ID=0|SERVER=gpio-gatekeeper|VERSION=0|PROTOCOL=1|CLIENT=bench|KEEPALIVE=5s"});
  CHECK(bench.engine.isReady());
  CHECK_TEXT(bench.news(), "ready");
}

TEST(a_token_comes_first) {
  Tiny bench;
  bench.engine.token("gk_0123456789abcdef0123456789abcdef01234567");
  bench.engine.connected(bench.now);
  CHECK_TEXT(bench.said(), "COMMAND=AUTH|ID=0|TOKEN=gk_0123456789abcdef0123456789abcdef01234567");
  bench.hear({"REPLY=OK|ID=0|USER=esp1|ROLE=operator"});
  CHECK_TEXT(bench.said(), "COMMAND=HELLO|ID=0|CLIENT=bench|KEEPALIVE=5000ms");
}

TEST(without_users_a_token_does_no_harm) {
  Roomy bench;
  bench.engine.token("gk_1");
  bench.engine.connected(bench.now);
  bench.said();
  bench.hear({"REPLY=ERROR|ID=0|CODE=NOT_SUPPORTED|MESSAGE=there are no users"});
  CHECK_TEXT(bench.said(), "COMMAND=HELLO|ID=0|CLIENT=bench|KEEPALIVE=5000ms");
}

TEST(a_wrong_token_is_told_and_not_tried_again_soon) {
  Roomy bench;
  bench.engine.token("gk_1");
  bench.engine.connected(bench.now);
  bench.said();
  bench.hear({"REPLY=ERROR|ID=0|CODE=ACCESS_DENIED|MESSAGE=no"});
  CHECK_TEXT(bench.news(), "denied ACCESS_DENIED");
  CHECK(bench.engine.isOver() && bench.engine.comeback() == Comeback::Late);
  CHECK_TEXT(bench.said(), "");
}

TEST(commands_have_outcomes) {
  Roomy bench;
  bench.greet();
  CHECK(bench.engine.set("led", "ON") == 1 && bench.engine.get("lamp") == 2);
  CHECK_TEXT(bench.said(), "COMMAND=SET|ID=1|DEVICE=led|VALUE=ON COMMAND=GET|ID=2|DEVICE=lamp");
  bench.hear({"REPLY=OK|ID=1|DEVICE=led|KIND=led|VALUE=1|STATE=on|SEQ=2|TIME=1790000000.25",
              "REPLY=ERROR|ID=2|CODE=UNKNOWN_DEVICE|MESSAGE=no device is called lamp"});
  CHECK_TEXT(bench.news(), "1 done ; 2 refused UNKNOWN_DEVICE");
}

TEST(every_command_is_written_as_the_protocol_has_it) {
  Roomy bench;
  bench.greet();
  bench.engine.set("led", true);
  bench.engine.set("lamp", 0.25);
  bench.engine.perform("motor", "reverse");
  bench.engine.publishText("note", "50% | 60%", Retain::Yes);
  CHECK_TEXT(bench.said(), "COMMAND=SET|ID=1|DEVICE=led|VALUE=1 COMMAND=SET|ID=2|DEVICE=lamp|VALUE=0.250 "
                           "COMMAND=DO|ID=3|DEVICE=motor|ACTION=reverse COMMAND=PUB|ID=4|VAR=note|VALUE=50%25 %7C 60%25|RETAIN=1");
  bench.engine.send("panel", "hello");
  bench.engine.command("DO").with("DEVICE", "lamp").with("ACTION", "pulse").withDuration("FADE_IN_TIME", 250).with("N", Number(3, 0)).send();
  CHECK_TEXT(bench.said(), "COMMAND=SEND|ID=5|TO=panel|VALUE=hello "
                           "COMMAND=DO|ID=6|DEVICE=lamp|ACTION=pulse|FADE_IN_TIME=250ms|N=3");
}

TEST(a_value_can_not_forge_a_frame) {
  Roomy bench;
  bench.greet();
  bench.engine.set("led|END||START|COMMAND=BREAK", "ON");
  CHECK_TEXT(bench.said(), "COMMAND=SET|ID=1|DEVICE=led%7CEND%7C%7CSTART%7CCOMMAND=BREAK|VALUE=ON");
}

TEST(without_a_connection_nothing_is_kept_for_later) {
  Roomy bench;
  CHECK(bench.engine.set("led", "ON") == 0);
  bench.engine.connected(bench.now);
  CHECK(bench.engine.set("led", "ON") == 0);
  bench.said();
  bench.hear({"REPLY=OK|ID=0|CLIENT=bench"});
  CHECK_TEXT(bench.said(), "");
}

TEST(what_does_not_fit_is_not_taken) {
  Tiny bench;
  bench.greet();
  CHECK(bench.engine.publishText("note", "0123456789012345678901234567890123456789") == 0);
  CHECK(bench.engine.set("led", Number()) == 0);
  CHECK(bench.engine.set("led", "ON") == 1);
  CHECK(bench.engine.set("relay", "ON") == 0);  // no room in the output
  CHECK_TEXT(bench.said(), "COMMAND=SET|ID=1|DEVICE=led|VALUE=ON");
  CHECK(bench.engine.set("relay", "ON") == 2);
  bench.said();
  CHECK(bench.engine.get("led") == 0);  // two are waiting
  bench.hear({"REPLY=OK|ID=1", "REPLY=OK|ID=2"});
  CHECK_TEXT(bench.news(), "1 done ; 2 done ");
  CHECK(bench.engine.get("led") == 3);
}

TEST(a_reply_may_be_longer_than_the_buffer) {
  Tiny bench;
  bench.greet();
  bench.engine.set("led", "ON");
  bench.said();
  bench.hear({"REPLY=ERROR|ID=1|CODE=HELD|MESSAGE=the client panel-in-the-kitchen holds a lease on it for another 20 s"});
  CHECK_TEXT(bench.news(), "1 refused HELD");
}

TEST(no_reply_in_time_is_an_unknown_outcome) {
  Roomy bench(0xFFFFF000);  // the clock wraps in between
  bench.greet();
  bench.engine.timeout(3000).set("led", "ON");
  bench.said();
  bench.wait(2900);
  bench.engine.get("led");
  CHECK_TEXT(bench.news(), "");
  bench.wait(100);
  CHECK_TEXT(bench.news(), "1 timed out ");
  bench.said();
  bench.hear({"REPLY=OK|ID=1"});
  CHECK_TEXT(bench.news(), "");
  bench.wait(2900);
  CHECK_TEXT(bench.news(), "2 timed out ");
}

TEST(a_lost_connection_tells_what_was_sent_and_what_was_not) {
  Roomy bench;
  bench.greet();
  bench.engine.set("led", "ON");
  bench.engine.set("relay", "ON");
  bench.engine.set("lamp", "ON");
  const size_t first = sizeof "|START|COMMAND=SET|ID=1|DEVICE=led|VALUE=ON|END|" - 1;
  bench.said(static_cast<uint16_t>(first + 20));
  bench.engine.disconnected();
  CHECK_TEXT(bench.news(), "1 lost ; 2 not sent ; 3 not sent ; link lost");
  bench.greet();
  CHECK_TEXT(bench.said(), "");
}

TEST(what_can_not_be_sent_in_time_is_never_sent) {
  Roomy bench;
  bench.greet();
  bench.engine.set("led", "ON");
  bench.wait(4000);
  bench.hear({"COMMAND=HELLO"});
  CHECK(!bench.engine.isOver());
  bench.wait(1000);
  CHECK(bench.engine.isOver());
  bench.engine.disconnected();
  CHECK_TEXT(bench.news(), "1 not sent ; link lost");
}

TEST(the_gatekeeper_is_answered_when_it_asks) {
  Tiny bench;
  bench.greet();
  bench.hear({"COMMAND=HELLO"});
  CHECK_TEXT(bench.said(), "COMMAND=HELLO!");
  bench.hear({"REPLY=OK"});
  // Where there is no room the answer comes later.
  bench.engine.publishText("note", "0123456789abcde");
  bench.hear({"COMMAND=HELLO"});
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=1|VAR=note|VALUE=0123456789abcde");
  bench.wait(1);
  CHECK_TEXT(bench.said(), "COMMAND=HELLO!");
}

TEST(silence_is_asked_about_and_then_the_end) {
  Roomy bench(0xFFFFF000);
  bench.greet();
  bench.wait(4999);
  CHECK_TEXT(bench.said(), "");
  bench.wait(1);
  CHECK_TEXT(bench.said(), "COMMAND=HELLO!");
  bench.hear({"REPLY=OK"});
  bench.wait(5000);
  CHECK_TEXT(bench.said(), "COMMAND=HELLO!");
  bench.wait(4999);
  CHECK_TEXT(bench.said(), "");
  CHECK(!bench.engine.isOver());
  bench.wait(1);
  CHECK(bench.engine.isOver());
}

TEST(a_connection_that_says_nothing_at_all_ends) {
  Roomy bench;
  bench.engine.connected(bench.now);
  bench.said();
  bench.wait(10000);
  CHECK(bench.engine.isOver());
}

TEST(subscriptions_come_back_with_the_connection) {
  Tiny bench;
  CHECK(bench.engine.subscribe("led") && bench.engine.subscribe("led") && bench.engine.subscribeVariable("led"));
  CHECK(!bench.engine.subscribe("lamp"));
  for (int ticket : {1, 3}) {
    bench.greet();
    const std::string first = std::to_string(ticket), second = std::to_string(ticket + 1);
    CHECK_TEXT(bench.said(), "COMMAND=SUB|ID=" + first + "|DEVICE=led COMMAND=SUB|ID=" + second + "|VAR=led");
    bench.engine.disconnected();
    CHECK_TEXT(bench.news(), "link lost");
  }
}

TEST(an_end_of_a_subscription_lasts) {
  Roomy bench;
  bench.engine.subscribe("led");
  bench.greet();
  CHECK_TEXT(bench.said(), "COMMAND=SUB|ID=1|DEVICE=led");
  bench.engine.unsubscribe("lamp");
  bench.engine.unsubscribe("led");
  CHECK_TEXT(bench.said(), "COMMAND=UNSUB|ID=2|DEVICE=led");
  bench.engine.disconnected();
  CHECK_TEXT(bench.news(), "link lost");
  bench.greet();
  CHECK_TEXT(bench.said(), "");
}

TEST(a_refused_subscription_is_told) {
  Roomy bench;
  bench.engine.subscribe("fan");
  bench.greet();
  bench.said();
  bench.hear({"REPLY=ERROR|ID=1|CODE=UNKNOWN_DEVICE|MESSAGE=no"});
  CHECK_TEXT(bench.news(), "1 refused UNKNOWN_DEVICE");
}

TEST(states_messages_and_alerts_are_told) {
  Roomy bench;
  bench.engine.subscribe("led");
  bench.greet();
  bench.hear({"EVENT=STATE|DEVICE=led|KIND=led|VALUE=0|STATE=off|SEQ=4|TIME=1.5|RETAINED=1",
              "EVENT=STATE|DEVICE=led|KIND=led|VALUE=1|STATE=on|SEQ=5|TIME=1.5",
              "EVENT=STATE|DEVICE=led|KIND=led|VALUE=0.5|STATE=on|SEQ=8|TIME=1.5",
              "EVENT=MESSAGE|VAR=setpoint|VALUE=21%7C|FROM=anna", "EVENT=NEWS|A=B", "SOMETHING=ELSE",
              "EVENT=ALERT|DEVICE=sensor|CHANGE=created|ALERT=1790000000000|THRESHOLD=too-hot"});
  CHECK_TEXT(bench.news(), "led=0 retained; led=1; led=0.5 missed 2; setpoint:21| from anna; too-hot created");
}

TEST(a_good_bye_says_when_to_come_back) {
  for (const char* code : {"STOPPING", "TOO_SLOW", "TAKEN_OVER", "ACCESS_DENIED"}) {
    Roomy bench;
    bench.greet();
    bench.engine.get("led");
    bench.said();
    bench.hear({std::string("EVENT=CLOSING|CODE=") + code + "|MESSAGE=x", "REPLY=OK|ID=1"});
    CHECK_TEXT(bench.news(), std::string("link lost ") + code);
    CHECK(bench.engine.isOver() && bench.engine.set("led", "ON") == 0);
    bench.engine.disconnected();
    CHECK_TEXT(bench.news(), "1 lost ");
    CHECK((bench.engine.comeback() == Comeback::Late) == (*code == 'T' ? code[1] == 'A' : *code == 'A'));
  }
}

TEST(callbacks_may_give_commands) {
  Tiny bench;
  bench.greet();
  bench.engine.set("led", "ON");
  bench.said();
  bench.then = [](Tiny& bench) { bench.engine.get("led"); };
  bench.hear({"REPLY=OK|ID=1"});
  CHECK_TEXT(bench.said(), "COMMAND=GET|ID=2|DEVICE=led");
  bench.then = [](Tiny& bench) { CHECK(bench.engine.get("led") == 0); };
  bench.engine.disconnected();
  CHECK_TEXT(bench.news(), "1 done ; 2 lost ; link lost");
}

TEST(callbacks_may_end_the_connection) {
  Roomy bench;
  bench.greet();
  bench.engine.set("led", "ON");
  bench.engine.get("led");
  bench.said();
  bench.then = [](Roomy& bench) { bench.engine.disconnected(); };
  const std::string both = "|START|REPLY=OK|ID=1|END||START|REPLY=OK|ID=2|END|";
  bench.engine.receive(both.data(), static_cast<uint16_t>(both.size()), bench.now);
  CHECK_TEXT(bench.news(), "1 done ; 2 lost ; link lost");
}

TEST(a_flood_of_garbage_changes_nothing) {
  Tiny bench;
  bench.greet();
  bench.engine.set("led", "ON");
  bench.said();
  unsigned random = 1;
  for (int i = 0; i < 100000; i++) {
    random = random * 1103515245 + 12345;
    const char byte = i % 7 == 0 ? '|' : static_cast<char>(random >> 16);
    bench.engine.receive(&byte, 1, bench.now);
  }
  bench.hear({"REPLY=OK|ID=1"});
  CHECK_TEXT(bench.news(), "1 done ");
}

TEST(the_engine_is_spoken_to_in_texts) {
  Roomy bench;
  bench.engine.connected(0);
  CHECK_TEXT(bench.engine.transmitQueue(), "|START|COMMAND=HELLO|ID=0|CLIENT=bench|KEEPALIVE=5000ms|END|");
  bench.engine.updateSystem("|START|REPLY=OK|ID=0|CLI");
  bench.engine.updateSystem("ENT=bench|END|\n");
  CHECK_TEXT(bench.engine.transmitQueue(), "");
  bench.engine.set("led", "ON");
  CHECK_TEXT(bench.engine.transmitQueue(), "|START|COMMAND=SET|ID=1|DEVICE=led|VALUE=ON|END|");
  bench.engine.disconnected();
  CHECK_TEXT(bench.news(), "ready; 1 lost ; link lost");
}

TEST(tickets_go_on_after_the_last_one) {
  Roomy bench;
  bench.greet();
  Ticket last = 0;
  for (long i = 0; i < 70000; i++) {
    const Ticket ticket = bench.engine.get("led");
    CHECK(ticket != 0 && ticket != last);
    last = ticket;
    bench.said();
    bench.hear({"REPLY=OK|ID=" + std::to_string(ticket)});
    bench.told.clear();
  }
}
