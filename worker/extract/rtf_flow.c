/* See rtf_flow.h. */
#include "rtf_flow.h"

static struct rtf_box *box_of(struct rtf_flow *flow)
{
	return &flow->boxes[flow->box];
}

void rtf_flow_init(struct rtf_flow *flow, struct document *doc)
{
	*flow = (struct rtf_flow){ .box = 0 };
	lines_init(&flow->boxes[0].lines, doc);
}

void rtf_flow_free(struct rtf_flow *flow)
{
	rtf_flow_end(flow);
	lines_free(&flow->boxes[0].lines);
}

struct lines *rtf_flow_lines(struct rtf_flow *flow)
{
	return &box_of(flow)->lines;
}

static void end_cell(struct rtf_box *box)
{
	if (box->cell_open[box->tables])
		lines_cell_end(&box->lines);
	box->cell_open[box->tables] = false;
}

static void end_row(struct rtf_box *box)
{
	end_cell(box);
	if (box->row_open[box->tables])
		lines_row_end(&box->lines);
	box->row_open[box->tables] = false;
}

static void end_tables(struct rtf_box *box, int down_to)
{
	for (; box->tables > down_to; box->tables--) {
		end_row(box);
		lines_table_end(&box->lines);
	}
}

static void open_cell(struct rtf_box *box)
{
	if (!box->row_open[box->tables])
		lines_row_start(&box->lines);
	if (!box->cell_open[box->tables])
		lines_cell_start(&box->lines);
	box->row_open[box->tables] = box->cell_open[box->tables] = true;
}

void rtf_flow_place(struct rtf_flow *flow, int level)
{
	struct rtf_box *box = box_of(flow);

	if (level == 0 && box->row_expected)
		level = 1;
	if (level > LINES_TABLES_MAX)
		level = LINES_TABLES_MAX;
	end_tables(box, level);
	while (box->tables < level) {
		lines_table_start(&box->lines);
		box->tables++;
		open_cell(box);
	}
	if (level > 0)
		open_cell(box);
}

void rtf_flow_row_expected(struct rtf_flow *flow)
{
	box_of(flow)->row_expected = true;
}

void rtf_flow_cell_end(struct rtf_flow *flow, int level)
{
	rtf_flow_place(flow, level);
	end_cell(box_of(flow));
}

void rtf_flow_row_end(struct rtf_flow *flow, int level)
{
	struct rtf_box *box = box_of(flow);

	end_tables(box, level);
	if (box->tables == level)
		end_row(box);
	if (level <= 1)
		box->row_expected = false;
}

bool rtf_flow_box_start(struct rtf_flow *flow)
{
	if (flow->box == RTF_BOXES_MAX)
		return false;
	flow->boxes[flow->box + 1] = (struct rtf_box){ .tables = 0 };
	lines_inner_start(&flow->boxes[flow->box + 1].lines, &flow->boxes[flow->box].lines);
	flow->box++;
	return true;
}

void rtf_flow_box_end(struct rtf_flow *flow)
{
	struct rtf_box *box = box_of(flow);

	if (flow->box == 0)
		return;
	end_tables(box, 0);
	flow->box--;
	lines_inner_end(&box->lines, &box_of(flow)->lines);
}

void rtf_flow_end(struct rtf_flow *flow)
{
	while (flow->box > 0)
		rtf_flow_box_end(flow);
	end_tables(box_of(flow), 0);
	lines_block(&box_of(flow)->lines);
}
