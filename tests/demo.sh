#!/usr/bin/env bash
# `./dev run`: one campaign, from the question to the summary, through the local stand-in.
#
#     demo.sh BUILD-FOLDER CAMPAIGN-FILE
#
# Everything lives in a temporary folder of its own; its service file knows a robot on the stand-in, and
# people who send by hand, so that nothing outside this machine can be reached. What is shown comes from the commands
# that anybody has: check, submit, show, approve, deliveries, status, audit.
set -euo pipefail

build=$1
file=$2
paceline=$build/paceline
dir=$(mktemp -d "${TMPDIR:-/tmp}/paceline-demo.XXXXXX")
service=
standin=
on_terminal=
[ -t 0 ] && [ -t 1 ] && on_terminal=1

chinese=
[[ ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} != zh* ]] || chinese=1 # as the program itself decides

t() # ENGLISH CHINESE: the one for this person
{
    printf '%s' "${chinese:+$2}"
    [ -n "$chinese" ] || printf '%s' "$1"
}

declare -A seen=()      # delivery -> 1: shown already
declare -A last_ms=()   # lane -> instant of its last send
smallest=
largest=
last_holds=

finish()
{
    local status=$?
    trap - EXIT
    [ -z "$service" ] || { kill "$service" 2>/dev/null || true; wait "$service" || true; }
    [ -z "$standin" ] || { kill "$standin" 2>/dev/null || true; wait "$standin" || true; }
    if [ ! -e "$dir/service.log" ]; then # nothing to look at
        rm -rf -- "${dir:?}"
    elif [ "$status" != 0 ]; then
        tail -n 20 -- "$dir/service.log" >&2 || true
        printf 'demo: ended with an error (%s); the files are in %s\n' "$status" "$dir" >&2
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() # STATUS TEXT
{
    printf 'demo: %s\n' "$2" >&2
    exit "$1"
}

wait_for() # WHAT LOG PATTERN PID: until the log has the pattern
{
    local tries=0
    until grep -q -- "$3" "$2" 2>/dev/null; do
        kill -0 "$4" 2>/dev/null || { cat -- "$2" >&2; fail 70 "$1 ended at once"; }
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail 70 "$1 did not start within 30 s"
        sleep 0.1
    done
}

cli()
{
    "$paceline" "$@" --config "$dir/paceline.yaml"
}

# --- reading our own JSON lines ---------------------------------------------------------------------

field() # NAME LINE -> $value: a string or number; empty for null and for what is missing
{
    value=
    if [[ $2 =~ \"$1\":\ ?\"([^\"]*)\" ]]; then
        value=${BASH_REMATCH[1]}
    elif [[ $2 =~ \"$1\":\ ?(-?[0-9]+) ]]; then
        value=${BASH_REMATCH[1]}
    fi
}

day_ms() # INSTANT -> $value: milliseconds of its day, enough for gaps of a demo
{
    local t=${1#*T}
    value=$(((10#${t:0:2} * 3600 + 10#${t:3:2} * 60 + 10#${t:6:2}) * 1000 + 10#${t:9:3}))
}

seconds() # MILLISECONDS -> $value: "2.104"
{
    printf -v value '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
}

# --- what is set up ----------------------------------------------------------------------------------

start_standin()
{
    # a key that only this run knows
    key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077 && printf '%s\n' "$key" >"$dir/robot.key")
    (umask 077 && printf '%s\n' "$key" >"$dir/wecom.secret")
    # two members with 200 customers, who confirm what they are asked after a few seconds
    "$build/wecom-standin" --record "$dir/record.jsonl" --robot "$key:staff-room" --secret "$key" \
        --corp ww00000000000demo1 --agent 1000002 --world 7:2:200:12:2 --taps 3000:12000 \
        >"$dir/standin.log" 2>&1 &
    standin=$!
    wait_for "the stand-in" "$dir/standin.log" '^listening on ' "$standin"
    url=$(sed -n 's/^listening on //p' "$dir/standin.log")
}

write_service_file()
{
    cat >"$dir/paceline.yaml" <<END
# Made by ./dev run. The only robot is on the local stand-in: everything says TEST.
store: sqlite:paceline.db
socket: paceline.sock
timezone: Asia/Shanghai
accounts:
  brand:
    corp_id: ww00000000000demo1
    agent_id: 1000002
    secret: {file: wecom.secret}
    suppress_tags: [已退订]
    poll: 1s                          # a minute and more apart with the real platform
    standin: true
    api: "$url"
channels:
  customers: {plugin: wecom, account: brand, mode: customers, senders: [lin.yue, he.qi]}
  groups: {plugin: wecom, account: brand, mode: groups, senders: [lin.yue, he.qi]}
  staff-room:
    plugin: wecom-robot
    key: {file: robot.key}
    senders: [lin.yue, he.qi]
    standin: true
    api: "$url"
  by-hand: {plugin: prompt, senders: [lin.yue, he.qi]}
approval: {allow_self: true}          # one-person mode, for the demo only
END
}

start_service()
{
    "$paceline" serve --config "$dir/paceline.yaml" >"$dir/service.out" 2>"$dir/service.log" &
    service=$!
    wait_for "the service" "$dir/service.log" '\bready\b' "$service"
}

check_channel()
{
    channel=$(sed -n 's/^channel:[[:space:]]*["'\'']\{0,1\}\([^"'\''#[:space:]]*\).*/\1/p' \
        "$file" | head -n 1)
    case $channel in
    '' | staff-room | by-hand | customers | groups) ;;
    *)
        fail 65 "$(t "$file: its channel is '$channel'; the demo has only 'staff-room', 'customers', 'groups' \
(a stand-in) and 'by-hand', and reaches no real channel. With your own service file: paceline submit $file" \
            "$file：渠道是 '$channel'；演示只有 'staff-room'、'customers'、'groups'（本地模拟平台）和 'by-hand'（人工发送），不连接任何真实渠道。\
用您自己的服务配置：paceline submit $file")"
        ;;
    esac
}

approve_or_leave()
{
    local answer
    if [ -z "$on_terminal" ]; then
        t "DEMO: no terminal to ask at, so that you approve your own campaign (one-person mode)" \
            "DEMO（演示）：没有终端可以询问，因此由您批准自己的活动（一人模式）"
        echo
    else
        local question
        question=$(t "Approve exactly this revision and send it (to the stand-in)? [y/N] " \
            "批准这个版本并发送（到本地模拟平台）吗？[y/N] ")
        [ "$channel" != by-hand ] ||
            question=$(t "Approve exactly this revision, to be sent by hand? [y/N] " \
                "批准这个版本并交由人工发送吗？[y/N] ")
        read -r -p "$question" answer || answer=
        case $answer in
        [yY] | [yY][eE][sS] | 是) ;;
        *)
            cli reject "$campaign" --reason "$(t "answered no in the demo" "演示中回答了否")"
            t "Nothing was sent." "什么都没有发送。"
            echo
            exit 0
            ;;
        esac
    fi
    cli approve "$campaign" --digest "$digest" </dev/null >"$dir/approve.log"
}

# --- by hand: only people answer ----------------------------------------------------------------------

agent_command() # -> $value: what a person types to be asked
{
    printf -v value '%q prompt --config %q' "$paceline" "$dir/paceline.yaml"
}

everybody_is_asked() # each lane that has something to send has a question out
{
    cli status --json >"$dir/status.jsonl"
    [ -n "$(cli tasks --json)" ] &&
        ! grep -q '"waiting":[1-9][0-9]*,"open":0,' "$dir/status.jsonl"
}

show_tasks() # no terminal: nobody is here to answer, and nothing answers in their place
{
    local tries=0
    until everybody_is_asked || [ "$tries" -ge 60 ]; do
        kill -0 "$service" 2>/dev/null || fail 70 "the service ended"
        tries=$((tries + 1))
        sleep 0.5
    done
    cli tasks
    cli status
    echo
    t "No terminal: nobody answers here, and the demo answers for nobody. To answer, start" \
        "没有终端：这里无人作答，演示也不会代人作答。要作答，请先启动"
    printf '\n    %q serve --config %q\n' "$paceline" "$dir/paceline.yaml"
    t "and in another terminal" "再在另一个终端中运行"
    agent_command
    printf '\n    %s\n' "$value"
}

say_how_to_answer()
{
    t "Now people are asked. In another terminal, send and answer with:" \
        "现在等待人工发送。请在另一个终端中发送并作答："
    agent_command
    printf '\n    %s\n\n' "$value"
}

# --- members confirm -----------------------------------------------------------------------------------

confirms() # the channel is one where a member confirms on the phone
{
    [ "$channel" = customers ] || [ "$channel" = groups ]
}

synchronise()
{
    t "Reading members, customers, tags and groups from the stand-in (contacts sync):" \
        "从本地模拟平台读取成员、客户、标签和客户群（contacts sync）："
    echo
    cli contacts sync brand
    echo
}

count_of() # STATE LINE -> $value
{
    field "$1" "$2"
    value=${value:-0}
}

watch_taps() # until every member has confirmed and the results are known
{
    local line open total said last= shown=
    while :; do
        kill -0 "$service" 2>/dev/null || fail 70 "the service ended"
        line=$(cli show "$campaign" --json)
        count_of audience "$line"; total=$value
        count_of pending "$line"; open=$value
        count_of claimed "$line"; open=$((open + value))
        if [ "$open" = 0 ] && [ -z "$shown" ]; then
            shown=1
            t "Each member has a task on the phone now, and confirms it there (paceline tasks):" \
                "每位成员的手机上都有一个群发任务，由他们自己确认（paceline tasks）："
            echo
            cli tasks
            echo
        fi
        count_of prompted "$line"; open=$((open + value))
        said=$(t "$(printf '%(%T)T' -1)  waiting for taps: $value of $total" \
            "$(printf '%(%T)T' -1)  等待确认：$value / $total")
        [ -z "$shown" ] || [ "$value" = "$last" ] || echo "$said"
        last=$value
        [ "$open" -gt 0 ] || [ "$total" = 0 ] || break
        sleep 0.5
    done
}

summary_taps()
{
    local reached different reasons
    reached=$(grep '"event":"reached"' "$dir/record.jsonl" | grep -c '"status":1' || true)
    different=$(grep '"event":"reached"' "$dir/record.jsonl" | grep '"status":1' |
        sed -n 's/.*"recipient":"\([^"]*\)".*/\1/p' | sort -u | grep -c . || true)
    echo
    t "Summary (TEST: the channel was the local stand-in)" "小结（TEST 测试：渠道是本地模拟平台）"
    echo
    cli show "$campaign"
    reasons=$(cli deliveries "$campaign" --state failed --json |
        sed -n 's/.*"reason": \{0,1\}"\([^"]*\)".*/\1/p' | sort | uniq -c | sort -rn)
    [ -z "$reasons" ] || { t "why some failed:" "失败原因："; printf '\n%s\n' "$reasons"; }
    t "stand-in: members' taps reached $reached recipients, $different different" \
        "模拟平台：成员确认后发给了 $reached 位接收人，其中不同的 $different 位"
    [ "$reached" != "$different" ] || t ": each once" "：每位恰好一次"
    echo
    cli audit verify
    say_files
}

# --- the sends, as they happen -------------------------------------------------------------------------

next_of_lane() # LANE -> $value: when it sends next, or why it waits
{
    local line lane next held
    value=-
    for line in "${status_lines[@]}"; do
        field lane "$line"
        lane=$value
        value=-
        [ "$lane" = "$1" ] || continue
        field held_by "$line"
        held=$value
        field next_at "$line"
        next=$value
        value=${next:+${next:11:12}}
        case $held in
        '' | gap) ;;
        *) value=${value:+$value }\($held\) ;;
        esac
        value=${value:--}
        return
    done
}

say_what_holds() # a closed window, a halt, a limit: once each time it changes
{
    local line lane holds=
    for line in "${status_lines[@]}"; do
        field held_by "$line"
        case $value in
        '' | gap) continue ;;
        esac
        field lane "$line"
        lane=$value
        next_of_lane "$lane"
        holds+=$(t "waiting: $lane until $value" "等待：$lane，到 $value")$'\n'
    done
    [ "$holds" != "$last_holds" ] || return 0
    last_holds=$holds
    clear_bar
    printf '%s' "$holds"
}

clear_bar()
{
    [ -z "$on_terminal" ] || printf '\r\033[K'
}

draw_bar() # DONE TOTAL
{
    local width=30 filled bar
    [ -n "$on_terminal" ] || return 0
    filled=$(($1 * width / ($2 > 0 ? $2 : 1)))
    printf -v bar '%*s' "$filled" ''
    printf '\r\033[K[%-*s] %d of %d' "$width" "${bar// /#}" "$1" "$2"
}

show_send() # DELIVERY-LINE
{
    local lane recipient state reason claimed at last gap=
    field channel "$1"; lane=$value
    field sender "$1"; lane=$lane/$value
    field recipient "$1"; recipient=$value
    field state "$1"; state=$value
    field reason "$1"; reason=$value
    field claimed_at "$1"; claimed=$value
    if [ -z "$claimed" ]; then # never tried: skipped, expired, canceled
        printf '%-12s  %-20s  %-14s  %s\n' - "$lane" "$recipient" "$state${reason:+ ($reason)}"
        return
    fi
    day_ms "$claimed"
    at=$value
    last=${last_ms[$lane]:-}
    if [ "$last" = "$at" ]; then
        gap=$(t "(same send)" "（同一次）") # of a batch
    elif [ -n "$last" ]; then
        gap=$(((at - last + 86400000) % 86400000))
        [ -n "$smallest" ] && [ "$smallest" -le "$gap" ] || smallest=$gap
        [ -n "$largest" ] && [ "$largest" -ge "$gap" ] || largest=$gap
        seconds "$gap"
        gap="$value s"
    fi
    last_ms[$lane]=$at
    next_of_lane "$lane"
    printf "%-12s  %-20s  %-14s  %-9s  $(t gap 间隔) %-9s  $(t next 下次) %s\n" \
        "${claimed:11:12}" "$lane" "$recipient" "$state${reason:+ ($reason)}" "${gap:-$(t first -)}" "$value"
}

watch_sends()
{
    local line number state shown final=0
    local -a rows status_lines
    t "time          lane                  recipient" "时间          发送队列              接收人"
    echo
    while :; do
        kill -0 "$service" 2>/dev/null || fail 70 "the service ended"
        mapfile -t rows < <(cli deliveries "$campaign" --json)
        mapfile -t status_lines < <(cli status --json)
        shown=
        for line in "${rows[@]}"; do
            field delivery "$line"; number=$value
            [ -z "${seen[$number]:-}" ] || continue
            field state "$line"; state=$value
            case $state in
            pending | claimed | prompted) continue ;;
            esac
            seen[$number]=1
            final=$((final + 1))
            [ -n "$shown" ] || clear_bar
            shown=1
            show_send "$line"
        done
        [ "${#rows[@]}" -gt 0 ] || { sleep 0.3; continue; } # asked too early
        [ "$final" -lt "${#rows[@]}" ] || break
        say_what_holds
        draw_bar "$final" "${#rows[@]}"
        sleep 0.3
    done
    clear_bar
}

summary()
{
    echo
    if [ "$channel" = by-hand ]; then
        t "Summary (what people said)" "小结（以人工作答为准）"
        echo
        cli show "$campaign"
    else
        summary_standin
    fi
    if [ -n "$smallest" ]; then
        seconds "$smallest"
        local low=$value
        seconds "$largest"
        t "gaps within a lane: smallest $low s, largest $value s" \
            "同一队列的间隔：最小 $low s，最大 $value s"
        echo
    fi
    cli audit verify
    say_files
}

say_files()
{
    t "files (yours to look at, then to delete): $dir" "文件（可查看，之后自行删除）：$dir"
    echo
}

summary_standin()
{
    local received different
    received=$(grep -c '"acted":true' "$dir/record.jsonl" || true)
    different=$(sed -n '/"acted":true/s/.*"content":\("\([^"\\]\|\\.\)*"\).*/\1/p' \
        "$dir/record.jsonl" | sort -u | grep -c . || true)
    t "Summary (TEST: the channel was the local stand-in)" "小结（TEST 测试：渠道是本地模拟平台）"
    echo
    cli show "$campaign"
    t "stand-in received: $received messages, $different different" \
        "模拟平台收到：$received 条消息，其中不同的 $different 条"
    [ "$received" != "$different" ] || t ": each once" "：每条恰好一次"
    echo
}

# ------------------------------------------------------------------------------------------------------

check_channel
start_standin
write_service_file
start_service
! confirms || synchronise
cli check "$file" || exit
digest=$(cli submit "$file" 2>"$dir/submit.log") || {
    status=$?
    cat -- "$dir/submit.log" >&2
    exit "$status"
}
campaign=$(cli list --json | sed -n 's/.*"campaign": \{0,1\}"\([^"]*\)".*/\1/p' | head -n 1)
echo
cli show "$campaign" # with the messages as they will be read
echo
approve_or_leave
echo
if [ "$channel" = by-hand ] && [ -z "$on_terminal" ]; then
    show_tasks
    say_files
    exit 0
fi
[ "$channel" != by-hand ] || say_how_to_answer
if confirms; then
    watch_taps
    summary_taps
else
    watch_sends
    summary
fi
