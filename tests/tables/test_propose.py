"""The proposed map: read back by the reader of maps, it must make the tables; what is guessed says so."""

import pandas as pd
import pytest

from opsnb.errors import InputError
from opsnb.tables.columns import TableMap, Timestamp, parse_columns
from opsnb.tables.matching import resolved
from opsnb.tables.profiles import profile
from opsnb.tables.propose import propose
from opsnb.tables.quality import check


def write(folder, name, text, encoding="utf-8"):
    (folder / name).write_text(text, encoding=encoding, newline="")


def line(proposal, start):
    return next(line for line in proposal.splitlines() if line.strip().startswith(start))


def used(folder, proposal):
    """The tables that the proposal makes of the folder."""
    write(folder, "columns.yml", proposal)
    return check(folder).tables


def test_chinese_headers(tmp_path):
    write(tmp_path, "导出1.csv", '用户ID,下单时间,金额,收货城市\n1001,2025/1/3 10:20,"￥1,234.50",上海\n1002,2025/1/4 9:05,￥88.00,北京\n',
          "gb18030")
    write(tmp_path, "导出2.csv", "用户编号,时间戳,行为类型,渠道\n1,1735689600,浏览,抖音\n2,1735689700,加购,微信\n1,1735689800,支付,抖音\n",
          "gb18030")
    write(tmp_path, "导出3.csv", "日期,渠道,花费,点击量\n2025-01-01,抖音,100.5,20\n2025-01-02,抖音,99.5,21\n", "utf-8-sig")
    proposal = propose(tmp_path)
    found = parse_columns(proposal)
    assert found.time_zone == "Asia/Shanghai"
    assert found.tables["orders"].columns == {"user_id": "用户ID", "ts": "下单时间", "amount": "金额"}
    assert found.tables["events"].columns == {"user_id": "用户编号", "ts": "时间戳", "event": "行为类型", "channel": "渠道"}
    assert found.tables["events"].timestamp == Timestamp(unit="s")
    assert found.tables["spend"].columns == {"date": "日期", "channel": "渠道", "cost": "花费", "clicks": "点击量"}
    assert "guessed" in line(proposal, "time_zone")
    assert "a known name for it" in line(proposal, "user_id: 用户ID")
    assert "收货城市" in line(proposal, "# kept under their own names")
    tables = used(tmp_path, proposal)
    assert {name: (table.rows_read, table.kept) for name, table in tables.items()} == {"events": (3, 3), "orders": (2, 2), "spend": (2, 2)}


def test_names_that_are_only_like_ours_are_called_guesses(tmp_path):
    write(tmp_path, "sales.csv", "Customer ID (hashed);Invoice date;Total amount EUR\n17;31/01/2025;12.5\n18;01/02/2025;99.0\n")
    proposal = propose(tmp_path)
    orders = parse_columns(proposal).tables["orders"]
    assert orders.columns == {"user_id": "Customer ID (hashed)", "ts": "Invoice date", "amount": "Total amount EUR"}
    assert orders.timestamp == Timestamp(format="%d/%m/%Y")
    assert "guessed" in line(proposal, "ts:")
    assert used(tmp_path, proposal)["orders"].kept == 2


@pytest.mark.parametrize(("values", "format", "says"), [
    (["31/01/2025", "01/02/2025"], "%d/%m/%Y", "as in"), (["01/31/2025", "01/02/2025"], "%m/%d/%Y", "as in"),
    (["01/02/2025", "03/04/2025"], "%d/%m/%Y", "No value tells"), (["31.01.25", "01.02.25"], "%d.%m.%y", "as in"),
    (["01/31/2025 3:04 PM", "02/01/2025 11:00 AM"], "%m/%d/%Y %I:%M %p", "as in"),
    (["31/01/2025 13:04:05", "01/02/2025 00:00:00"], "%d/%m/%Y %H:%M:%S", "as in"),
])
def test_days_and_months_by_their_values(tmp_path, values, format, says):
    write(tmp_path, "orders.txt", "user_id,ts,amount\n" + "".join(f"{i},{value},5.5\n" for i, value in enumerate(values)))
    proposal = propose(tmp_path)
    assert parse_columns(proposal).tables["orders"].timestamp.format == format
    assert says in line(proposal, "timestamp")
    assert used(tmp_path, proposal)["orders"].kept == 2


@pytest.mark.parametrize(("value", "unit"), [("1735689600", "s"), ("1735689600123", "ms"), ("1735689600123456", "us")])
def test_epochs(tmp_path, value, unit):
    write(tmp_path, "log.csv", f"uid,event_time,action\n1,{value},view\n2,{value},buy\n")
    proposal = propose(tmp_path)
    assert parse_columns(proposal).tables["events"].timestamp.unit == unit
    assert used(tmp_path, proposal)["events"].kept == 2


def test_without_a_header_values_decide(tmp_path):
    rows = "".join(f"{i % 40:05d} {19970101 + i % 28} {i % 3 + 1} {i * 0.37 + 0.01:.2f}\n" for i in range(200))
    write(tmp_path, "SAMPLE.txt", rows)
    proposal = propose(tmp_path)
    orders = parse_columns(proposal).tables["orders"]
    assert orders.header is False
    assert orders.columns == {"user_id": 1, "ts": 2, "amount": 4}
    assert "guessed: only its values" in line(proposal, "amount")
    assert used(tmp_path, proposal)["orders"].kept == 200


def test_what_could_not_be_told_is_said_and_stays_out(tmp_path):
    write(tmp_path, "weather.csv", "station,wind,rain\nA,1,2\nB,3,4\n")
    write(tmp_path, "cats.csv", "userid,version,rounds\n1,gate_30,3\n2,gate_40,5\n")
    write(tmp_path, "empty.csv", "")
    (tmp_path / "half.csv.gz").write_bytes(b"\x1f\x8b\x08")
    proposal = propose(tmp_path)
    assert parse_columns(proposal).tables == {}
    assert "# weather.csv: no table could be told; its columns: station, wind, rain" in proposal
    assert "nothing was found for" in proposal
    assert "# Could not be read: empty.csv line 1: the file is empty" in proposal
    assert "# Could not be read: half.csv.gz line 1: the gzip file ends in the middle" in proposal


def test_a_name_whose_values_do_not_fit_is_not_taken(tmp_path):
    write(tmp_path, "orders.txt", "user_id,ts,paid_at,amount\n1,x,2025-01-01,5\n2,y,2025-01-02,6\n")
    assert parse_columns(propose(tmp_path)).tables["orders"].columns["ts"] == "paid_at"


def test_files_of_one_shape_make_one_table_others_are_shown(tmp_path):
    for month in ("1月", "2月"):
        write(tmp_path, f"订单{month}.csv", f"用户ID,下单时间,金额\n{month},2025-01-01,5\n")
    write(tmp_path, "订单_门店.csv", "会员编号,时间,实付金额\n1,2025-01-01,5\n")
    proposal = propose(tmp_path)
    assert parse_columns(proposal).tables["orders"].files == ("订单1月.csv", "订单2月.csv")
    assert "# 订单_门店.csv: also looks like orders" in proposal
    assert used(tmp_path, proposal)["orders"].rows_read == 2


def test_odd_names_survive_the_way_through_yaml(tmp_path):
    frame = pd.DataFrame({"user: id": ["a", "b"], "ts": ["2025-01-01", "2025-01-02"], 'amount "net" #1': [1.5, 2.5]})
    frame.to_csv(tmp_path / "my orders #1.csv", index=False)
    proposal = propose(tmp_path)
    assert used(tmp_path, proposal)["orders"].kept == 2


def test_a_folder_with_nothing_and_a_folder_that_is_not(tmp_path):
    assert "No file in this folder can be read" in propose(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        propose(tmp_path / "nowhere")


def test_a_map_proposed_for_our_own_names_is_the_identity(tmp_path):
    write(tmp_path, "data.csv", "user_id,ts,event,device\n1,2025-01-01 10:00:00,home,ios\n2,2025-01-01 10:00:00,cart,ios\n")
    columns = parse_columns(propose(tmp_path)).tables["events"].columns
    assert columns == {name: name for name in ("user_id", "ts", "event", "device")}
    assert resolved(TableMap("events"), list(columns), "data.csv") == columns


def test_a_profile_says_what_is_in_a_column(tmp_path):
    write(tmp_path, "x.csv", "id,when,what,much,empty\n" + "".join(f"{i},2025-01-{i + 1:02},{'ab'[i % 2]},{i}.5,\n" for i in range(20)))
    looks = {look.name: look for look in profile(tmp_path / "x.csv", "x.csv").looks}
    assert looks["id"].is_id
    assert looks["when"].is_time
    assert looks["what"].is_label
    assert not looks["what"].is_number
    assert (looks["much"].is_number, looks["much"].decimals) == (True, 1)
    assert looks["empty"].filled == 0
