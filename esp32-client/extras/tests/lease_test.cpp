// Leases that are renewed and lost, and readings that wait.
#include "bench.h"

using namespace gatekeeper;

namespace {

template <typename Bench>
void grant(Bench& bench, uint32_t ttl) {
  const Ticket ticket = bench.engine.lease("led,motor", ttl);
  CHECK(ticket != 0 && !bench.engine.holds("led,motor"));
  CHECK_TEXT(bench.said(), "COMMAND=LEASE|ID=" + std::to_string(ticket) + "|DEVICE=led,motor|TTL=" + std::to_string(ttl) + "ms");
  bench.hear({"REPLY=OK|ID=" + std::to_string(ticket) + "|TOKEN=1790000000007|DEVICES=led,motor|TTL=9s"});
  CHECK_TEXT(bench.news(), std::to_string(ticket) + " done ");
  CHECK(bench.engine.holds("led,motor"));
}

}  // namespace

TEST(a_lease_is_renewed_every_third_of_its_time) {
  for (uint32_t start : {0u, 0xFFFFFFFFu - 2000}) {
    Roomy bench(start);
    bench.greet();
    grant(bench, 9000);
    bench.wait(2999);
    CHECK_TEXT(bench.said(), "");
    bench.wait(1);
    CHECK_TEXT(bench.said(), "COMMAND=RENEW|ID=2|TOKEN=1790000000007");
    bench.hear({"REPLY=OK|ID=2|TOKEN=1790000000007|DEVICES=led,motor|TTL=9s"});
    bench.wait(3000);
    CHECK_TEXT(bench.said(), "COMMAND=RENEW|ID=3|TOKEN=1790000000007");
    CHECK_TEXT(bench.news(), "");
  }
}

TEST(writes_are_meant_under_the_lease_that_is_held) {
  Roomy bench;
  bench.greet();
  grant(bench, 9000);
  bench.engine.set("motor", -1);
  bench.engine.perform("led", "toggle");
  bench.engine.set("lamp", 1);
  CHECK_TEXT(bench.said(), "COMMAND=SET|ID=2|DEVICE=motor|TOKEN=1790000000007|VALUE=-1 "
                           "COMMAND=DO|ID=3|DEVICE=led|TOKEN=1790000000007|ACTION=toggle COMMAND=SET|ID=4|DEVICE=lamp|VALUE=1");
}

TEST(a_lease_that_ends_soon_is_renewed_at_once) {
  Roomy bench;
  bench.greet();
  grant(bench, 9000);
  bench.wait(1000);
  bench.hear({"EVENT=LEASE_ENDING|TOKEN=1790000000001|LEFT=2s"});
  CHECK_TEXT(bench.said(), "");
  bench.hear({"EVENT=LEASE_ENDING|TOKEN=1790000000007|DEVICES=led,motor|LEFT=2s"});
  CHECK_TEXT(bench.said(), "COMMAND=RENEW|ID=2|TOKEN=1790000000007");
}

TEST(a_lost_lease_is_told) {
  Roomy bench;
  bench.greet();
  grant(bench, 9000);
  bench.hear({"EVENT=LEASE_LOST|TOKEN=1790000000007|DEVICES=led,motor|CAUSE=BROKEN|BY=boss|REASON=x"});
  CHECK_TEXT(bench.news(), "lost led,motor BROKEN");
  CHECK(!bench.engine.holds("led,motor"));
  bench.engine.set("motor", 1);
  CHECK_TEXT(bench.said(), "COMMAND=SET|ID=2|DEVICE=motor|VALUE=1");
}

TEST(a_lease_may_be_asked_for_when_it_is_lost) {
  Tiny bench;
  bench.greet();
  grant(bench, 9000);
  bench.then = [](Tiny& bench) { CHECK(bench.engine.lease("led,motor", 9000) != 0); };
  bench.hear({"EVENT=LEASE_LOST|TOKEN=1790000000007|DEVICES=led,motor|CAUSE=EXPIRED"});
  CHECK_TEXT(bench.said(), "COMMAND=LEASE|ID=2|DEVICE=led,motor|TTL=9000ms");
}

TEST(a_refused_lease_leaves_its_place) {
  Tiny bench;
  bench.greet();
  CHECK(bench.engine.lease("motor") == 1 && bench.engine.lease("led") == 0);
  CHECK_TEXT(bench.said(), "COMMAND=LEASE|ID=1|DEVICE=motor|TTL=30000ms");
  bench.hear({"REPLY=ERROR|ID=1|CODE=HELD|MESSAGE=x"});
  CHECK_TEXT(bench.news(), "1 refused HELD");
  CHECK(!bench.engine.holds("motor") && bench.engine.lease("led") == 2);
}

TEST(after_a_reconnect_a_lease_is_asked_about_at_once) {
  for (const char* answer : {"REPLY=OK|ID=2|TOKEN=1790000000007", "REPLY=ERROR|ID=2|CODE=NO_LEASE|MESSAGE=x"}) {
    Roomy bench;
    bench.greet();
    grant(bench, 9000);
    bench.wait(1000);
    bench.engine.disconnected();
    CHECK(bench.engine.holds("led,motor"));
    bench.wait(1000);
    bench.news();
    bench.greet();
    CHECK_TEXT(bench.said(), "COMMAND=RENEW|ID=2|TOKEN=1790000000007");
    bench.hear({answer});
    CHECK_TEXT(bench.news(), answer[6] == 'O' ? "" : "lost led,motor NO_LEASE");
    CHECK(bench.engine.holds("led,motor") == (answer[6] == 'O'));
  }
}

TEST(nobody_believes_in_a_lease_for_longer_than_the_gatekeeper) {
  Roomy bench(0xFFFFFFFF - 4000);
  bench.greet();
  grant(bench, 9000);
  bench.wait(3000);
  CHECK_TEXT(bench.said(), "COMMAND=RENEW|ID=2|TOKEN=1790000000007");
  bench.wait(2000);
  bench.engine.disconnected();
  bench.news();
  bench.wait(3999);
  CHECK(bench.engine.holds("led,motor"));
  bench.wait(1);
  CHECK(!bench.engine.holds("led,motor"));
  CHECK_TEXT(bench.news(), "lost led,motor SILENCE");
}

TEST(a_lease_lasts_from_when_it_was_asked_for) {
  Roomy bench;
  bench.greet();
  bench.engine.lease("motor", 3000);
  bench.said();
  bench.wait(2000);
  bench.hear({"REPLY=OK|ID=1|TOKEN=5"});
  CHECK(bench.engine.holds("motor"));
  bench.engine.disconnected();
  bench.wait(1000);
  CHECK(!bench.engine.holds("motor"));
}

TEST(a_lease_is_given_back) {
  Roomy bench;
  bench.greet();
  grant(bench, 9000);
  CHECK(bench.engine.release("led,motor") == 2 && bench.engine.release("led,motor") == 0);
  CHECK_TEXT(bench.said(), "COMMAND=RELEASE|ID=2|TOKEN=1790000000007");
  CHECK(!bench.engine.holds("led,motor"));
  bench.hear({"REPLY=OK|ID=2"});
  bench.wait(9000);
  CHECK_TEXT(bench.news(), "2 done ");
}

TEST(a_lease_is_renewed_by_hand) {
  Roomy bench;
  bench.greet();
  CHECK(bench.engine.renew("led,motor") == 0);
  grant(bench, 9000);
  CHECK(bench.engine.renew("led,motor") == 2 && bench.engine.renew("led,motor") == 0);
  bench.hear({"REPLY=OK|ID=2|TOKEN=1790000000007"});
  CHECK_TEXT(bench.news(), "2 done ");
}

TEST(readings_go_out_at_once) {
  Roomy bench;
  bench.greet();
  CHECK(bench.engine.publish("temperature", 21.5));
  bench.wait(10);
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=1|VAR=temperature|VALUE=21.50");
  CHECK(bench.engine.readingsWaiting() == 1);
  bench.hear({"REPLY=OK|ID=1"});
  CHECK(bench.engine.readingsWaiting() == 0);
  CHECK_TEXT(bench.news(), "");
}

TEST(readings_wait_for_a_connection_and_tell_their_age) {
  Roomy bench(0xFFFFFFFF - 30000);
  bench.engine.time(bench.now);
  bench.engine.publish("temperature", 21.5);
  bench.wait(92400);
  bench.engine.publish("temperature", 22.25);
  bench.wait(1000);
  bench.engine.publish("temperature", 22, 0);
  bench.greet();
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=1|VAR=temperature.late|VALUE=21.50 93400ms");
  bench.hear({"REPLY=OK|ID=1"});
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=2|VAR=temperature.late|VALUE=22.25 1000ms");
  bench.hear({"REPLY=OK|ID=2"});
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=3|VAR=temperature|VALUE=22");
}

TEST(the_oldest_readings_make_room_and_are_counted) {
  Tiny bench;
  for (int i = 1; i <= 5; i++) CHECK(bench.engine.publish("t", i, 0));
  CHECK(bench.engine.readingsDropped() == 3 && bench.engine.readingsWaiting() == 2);
  bench.greet();
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=1|VAR=t|VALUE=4");
  // One that is on its way makes room, too; its reply is not taken for that of another one.
  bench.engine.publish("t", 6, 0);
  bench.wait(1);
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=2|VAR=t|VALUE=5");
  bench.hear({"REPLY=OK|ID=1"});
  CHECK(bench.engine.readingsDropped() == 4 && bench.engine.readingsWaiting() == 2);
  bench.hear({"REPLY=OK|ID=2"});
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=3|VAR=t|VALUE=6");
}

TEST(a_reading_is_sent_again_only_if_it_was_not_sent) {
  Roomy bench;
  bench.greet();
  bench.engine.publish("t", 1, 0);
  bench.wait(1);
  bench.said(20);
  bench.engine.disconnected();
  bench.news();
  CHECK(bench.engine.readingsWaiting() == 1 && bench.engine.readingsUnknown() == 0);
  bench.greet();
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=2|VAR=t|VALUE=1");
  bench.engine.disconnected();
  CHECK_TEXT(bench.news(), "2 lost ; link lost");
  CHECK(bench.engine.readingsWaiting() == 0 && bench.engine.readingsUnknown() == 1);
}

TEST(a_refused_reading_is_told_and_gone) {
  Roomy bench;
  bench.greet();
  bench.engine.publish("a/b", 1, 0);
  bench.wait(1);
  bench.said();
  bench.hear({"REPLY=ERROR|ID=1|CODE=BAD_VALUE|MESSAGE=x"});
  CHECK_TEXT(bench.news(), "1 refused BAD_VALUE");
  CHECK(bench.engine.readingsWaiting() == 0);
}

TEST(no_reading_looks_younger_than_it_is) {
  Roomy bench;
  bench.engine.publish("t", 1, 0);
  for (int day = 0; day < 60; day++) bench.wait(86400000);
  bench.greet();
  CHECK_TEXT(bench.said(), "COMMAND=PUB|ID=1|VAR=t.late|VALUE=1 2147483647ms");
}

TEST(without_a_ring_no_reading_is_taken) {
  Bench<Engine<64, 64, 1, 0, 0, 0>> bench;
  CHECK(!bench.engine.publish("t", 1) && !bench.engine.subscribe("led"));
  bench.greet();
  CHECK(bench.engine.lease("led") == 0);
}

TEST(a_long_lease_is_renewed_every_20_s) {
  Roomy bench;
  bench.greet();
  grant(bench, 3600000);
  for (int i = 0; i < 5; i++) {
    bench.wait(3999);
    bench.hear({"COMMAND=HELLO"});
    bench.said();
  }
  CHECK(bench.engine.holds("led,motor"));
  bench.wait(5);
  CHECK_TEXT(bench.said(), "COMMAND=RENEW|ID=2|TOKEN=1790000000007");
}

TEST(a_board_that_was_stuck_does_not_believe_in_its_lease) {
  Roomy bench;
  bench.greet();
  bench.engine.lease("motor", 10000);
  bench.said();
  // Longer than 16 bits count.
  bench.now += 66000;
  bench.hear({"REPLY=OK|ID=1|TOKEN=5"});
  CHECK(!bench.engine.holds("motor"));
}
