/*
 * What RTF says about paragraphs, tables and boxes, as calls of lines.h: RTF has no start of a table, a row or a cell, only
 * their ends, so that they begin with the first text in them. Used by the files of the RTF reader.
 */
#ifndef EXTRACT_RTF_FLOW_H
#define EXTRACT_RTF_FLOW_H

#include "lines.h"

#define RTF_BOXES_MAX 8         /* text boxes in text boxes */

struct rtf_box {
	struct lines lines;
	int tables;                     /* open ones, at most LINES_TABLES_MAX */
	bool row_open[LINES_TABLES_MAX + 1], cell_open[LINES_TABLES_MAX + 1]; /* by table, from 1 */
	bool row_expected;              /* \trowd was there: text belongs to a row even if it does not say so */
};

struct rtf_flow {
	struct rtf_box boxes[RTF_BOXES_MAX + 1];        /* [0]: the document's own text */
	int box;
};

void rtf_flow_init(struct rtf_flow *flow, struct document *doc);
void rtf_flow_free(struct rtf_flow *flow);
struct lines *rtf_flow_lines(struct rtf_flow *flow);

/* What follows stands in a table in tables that deep; 0: in none. Before any text. */
void rtf_flow_place(struct rtf_flow *flow, int level);
void rtf_flow_row_expected(struct rtf_flow *flow);
void rtf_flow_cell_end(struct rtf_flow *flow, int level);
void rtf_flow_row_end(struct rtf_flow *flow, int level);

/* False: too many boxes in boxes. */
bool rtf_flow_box_start(struct rtf_flow *flow);
void rtf_flow_box_end(struct rtf_flow *flow);
/* Ends all that is open. */
void rtf_flow_end(struct rtf_flow *flow);

#endif
