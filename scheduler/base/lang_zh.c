/* Chinese for what people read. Sorted by strcmp of the English: a test holds that. */
#include "base/lang.h"

#include <stddef.h>

const struct lang_pair lang_zh[] = {
    {"%s is not taken over; the one read before stays in force",
     "%s 未被采用；之前读取的文件继续有效"},
    {"'%.32s' is no month; write YYYY-MM", "“%.32s”不是月份；请写 YYYY-MM"},
    {"'%.32s': a report is by campaign, sender or tag",
     "“%.32s”：报告只能按 campaign、sender 或 tag 汇总"},
    {"'%s' cannot change while the service runs: restart it", "服务运行时不能更改“%s”：请重启服务"},
    {"--json and --csv exclude each other", "--json 和 --csv 不能同时使用"},
    {": %lld channels, %lld users\n", "：%lld 个通道，%lld 个用户\n"},
    {">CANCELED", ">取消"},
    {">DELAY", ">用时"},
    {">EXPIRED", ">过期"},
    {">FAILED", ">失败"},
    {">OPEN", ">未结束"},
    {">REACH", ">触达率"},
    {">SKIPPED", ">跳过"},
    {"CSV for a spreadsheet on standard output", "在标准输出上写出电子表格用的 CSV"},
    {"REASONS", "原因"},
    {"campaign '%s' was approved for other settings of channel '%s': cancel that first, or wait "
     "until it is done",
     "活动“%s”是按通道“%s”的另一种设置批准的：请先取消该活动，或等它结束"},
    {"campaign (default), sender or tag", "campaign（默认）、sender 或 tag"},
    {"channel '%s' cannot be opened", "通道“%s”无法打开"},
    {"channel '%s' has sent with plugin '%s': restart the service to change it, or give the new "
     "channel another name",
     "通道“%s”已用插件“%s”发送过：要更换请重启服务，或给新通道另取名称"},
    {"channel '%s' is missing, and campaign '%s' still uses it: cancel that first, or wait until "
     "it is done",
     "缺少通道“%s”，而活动“%s”仍在使用它：请先取消该活动，或等它结束"},
    {"nothing to report: no approved campaign has deliveries there",
     "没有可报告的内容：该范围内没有已批准活动的投递"},
    {"only this month (default: everything)", "只统计这个月（默认：全部）"},
    {"reach, confirmations and their delay, failures by reason",
     "触达、确认及其用时、按原因统计的失败"},
    {"reloaded: ", "已重新读取："},
    {"the service is stopping", "服务正在停止"},
    {"the service reads its file again; a bad one changes nothing",
     "服务重新读取配置文件；有错误的文件不改变任何东西"},
    {"warning", "警告"},
    {NULL, NULL},
};
const unsigned lang_zh_count = sizeof(lang_zh) / sizeof(lang_zh[0]) - 1;
