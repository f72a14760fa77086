// The rounds of one hash as a pipeline: stage t holds the working variables that round t starts from.
//
// FIRST, LAST   the first and the last round
// FIXED_START   start is the same for all nonces, but for W[FIRST-1], which is still to be added to its a and e.
//               Words of it that no nonce has reached need no registers.
// WHOLE         the rounds whose K[t] + W[t] is known[t]; the others take K[t] and words[t]
// LAST_EXTRA    added to the constant of the last round
// final         the working variables after round LAST, in registers
module rounds #(
    parameter FIRST = 0, LAST = 63, FIXED_START = 0, ADDER = 0,
    parameter [63:0] WHOLE = 64'b0,
    parameter [31:0] LAST_EXTRA = 32'b0
) (
    input clk,
    input [255:0] start,
    input [2047:0] words, known,
    output [255:0] final
);
    `include "constants.vh"

    wire [255:0] first_state;
    genvar t, i;
    generate
        if (FIXED_START) begin : started
            wire [31:0] word = words[2047-32*(FIRST-1) -: 32];
            wire [31:0] a, e;
            reduce #(.N(2), .ADDER(ADDER)) sum_a (.words({start[255 -: 32], word}), .result(a));
            reduce #(.N(2), .ADDER(ADDER)) sum_e (.words({start[127 -: 32], word}), .result(e));
            register hold_a (.clk(clk), .d(a), .q(first_state[255 -: 32]));
            register hold_e (.clk(clk), .d(e), .q(first_state[127 -: 32]));
            assign first_state[223:128] = start[223:128];
            assign first_state[95:0] = start[95:0];
        end else begin : given
            assign first_state = start;
        end

        for (t = FIRST; t <= LAST; t = t + 1) begin : stage
            wire [255:0] before, after, held;
            if (t == FIRST) begin : first
                assign before = first_state;
            end else begin : later
                assign before = stage[t-1].held;
            end

            localparam [31:0] CONSTANT = K[2047-32*t -: 32] + (t == LAST ? LAST_EXTRA : 32'b0);
            if (WHOLE[t]) begin : whole
                round #(.TERMS(1), .ADDER(ADDER)) step (
                    .before(before), .addends(known[2047-32*t -: 32]), .after(after)
                );
            end else begin : general
                round #(.TERMS(2), .ADDER(ADDER)) step (
                    .before(before), .addends({CONSTANT, words[2047-32*t -: 32]}), .after(after)
                );
            end

            for (i = 0; i < 8; i = i + 1) begin : variable
                if (FIXED_START && t + 1 - i % 4 < FIRST) begin : fixed
                    assign held[255-32*i -: 32] = after[255-32*i -: 32];
                end else begin : live
                    register hold (.clk(clk), .d(after[255-32*i -: 32]), .q(held[255-32*i -: 32]));
                end
            end
        end
    endgenerate
    assign final = stage[LAST].held;
endmodule
