"""The commands for operators, with real servers."""
import os
import subprocess
from pathlib import Path

from support.process import free_port


def check(binary, tmp_path, **env):
    done = subprocess.run([binary, "check"], env={"PATH": os.environ["PATH"]} | env, cwd=tmp_path, capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout


def test_check_finds_the_servers(binary, tmp_path, kafka, redis):
    status, text = check(binary, tmp_path, KAFKA_HOSTS=kafka.bootstrap, REDIS_URL=redis.url)
    assert status == 0, text
    assert f"{kafka.bootstrap} answers" in text
    assert f"{redis.url.removeprefix('redis://').rstrip('/')} answers" in text
    assert "FAILED" not in text


def test_check_says_all_that_is_wrong_at_once(binary, tmp_path, kafka):
    nobody = f"127.0.0.1:{free_port()}"
    status, text = check(binary, tmp_path, KAFKA_HOSTS=kafka.bootstrap, REDIS_URL=f"redis://{nobody}")
    assert status == 1, text
    assert f"{kafka.bootstrap} answers" in text
    assert any(line.startswith("FAILED") and nobody in line for line in text.splitlines()), text

    status, text = check(binary, tmp_path, KAFKA_HOSTS=nobody, REDIS_URL=f"redis://{nobody}", ADDRESS="nonsense",
                         OVERFLOW_BURST_LIMIT="0")
    assert status == 78, text
    failed = [line for line in text.splitlines() if line.startswith("FAILED")]
    for word in ("ADDRESS", "OVERFLOW_BURST_LIMIT", "METADATA_BROKER_LIST", "REDIS_URL"):
        assert any(word in line for line in failed), f"{word} is not among {failed}"


def test_threads_say_what_they_do(start, kafka):
    service = start({"KAFKA_HOSTS": kafka.bootstrap, "CAPTURE_WORKERS": 2})
    names = {comm.read_text().strip() for comm in Path(f"/proc/{service.pid}/task").glob("*/comm")}
    assert {"worker-0", "worker-1", "pool", "housekeeping", "kafka-INGESTION", "log-writer", "rdk:main"} <= names, names
    assert Path(f"/proc/{service.pid}/comm").read_text().strip() == "capture"


def test_the_emergency_switch_sends_records_to_the_backup_brokers(start, topics, kafka):
    """Contract 80 §3.12."""
    nobody = {"KAFKA_HOSTS": f"127.0.0.1:{free_port()}"}
    service = start(topics.env() | nobody | {
        "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_FALLBACK": "FALLBACK-TO-BACKUP-KAFKA-NOW",
        "CAPTURE_ANALYTICS_KAFKA_EMERGENCY_BACKUP_HOSTS": kafka.bootstrap})
    assert service.send({"event": "moved", "distinct_id": "user"}).status_code == 200
    assert [record.data["event"] for record in topics.records("ANALYTICS_MAIN")] == ["moved"]
    assert service.metrics().sum("capture_emergency_kafka_fallback_active") == 1
    assert any(line.get("level") == "ERROR" and kafka.bootstrap in str(line) for line in service.log_lines())
